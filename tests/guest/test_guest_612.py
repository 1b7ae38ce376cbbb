# SPDX-License-Identifier: MIT
"""The tests of test_guest.py with another kernel of Debian's, Linux 6.12; $KSNAP_GUEST_KERNEL_612 names one that is
there already."""
import os
import runpy

os.environ["KSNAP_GUEST_PACKAGE"] = "linux-image-6.12-cloud-amd64"
os.environ["KSNAP_GUEST_KERNEL"] = os.environ.get("KSNAP_GUEST_KERNEL_612", "")
runpy.run_path(os.path.join(os.path.dirname(__file__), "test_guest.py"), run_name="__main__")
