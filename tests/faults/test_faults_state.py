# SPDX-License-Identifier: MIT
"""The same with brokers that keep a folder: KSNAP_FAULTS_STATE=1 of test_faults.py, for half as long."""
import os
import sys

os.environ["KSNAP_FAULTS_STATE"] = "1"
os.environ.setdefault("KSNAP_FAULTS_SECONDS", "20")
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import test_faults  # noqa: E402

if __name__ == "__main__":
    sys.exit(test_faults.main())
