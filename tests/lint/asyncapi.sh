#!/bin/bash
# SPDX-License-Identifier: MIT
# asyncapi.sh - run asyncapi.py where there is a python3 for it.
if [ -z "$PYTHON3" ]; then
	case ",$KSNAP_TEST_REQUIRE," in
	*,python,*) echo "Bail out! KSNAP_TEST_REQUIRE names python, and configure found none with jsonschema" ;;
	*) echo "1..0 # SKIP needs a python3 with zmq, msgpack and jsonschema" ;;
	esac
	exit 0
fi
exec "$PYTHON3" "$KSNAP_TOP_SRCDIR/tests/lint/asyncapi.py"
