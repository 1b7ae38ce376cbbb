# SPDX-License-Identifier: MIT
# python.sh - run a test in the Python that configure found, or skip it with the reason.
if [ -n "$PYTHON3" ]; then
	exec "$PYTHON3" "$@"
fi
case ",${KSNAP_TEST_REQUIRE-}," in
*,python,*) echo "Bail out! no python3 with zmq, msgpack and jsonschema, and KSNAP_TEST_REQUIRE names python" ;;
*) echo "1..0 # SKIP no python3 with zmq, msgpack and jsonschema" ;;
esac
