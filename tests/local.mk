EXTRA_DIST += tests/client tests/fault tests/lib
