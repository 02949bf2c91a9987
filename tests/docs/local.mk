# The documents against the programs and the code; run in the build directory,
# where ./clinkerd is.
docs_tests = \
	tests/docs/bounds.sh \
	tests/docs/files.sh \
	tests/docs/locking.sh \
	tests/docs/man-clinkerd.sh \
	tests/docs/man-lint.sh \
	tests/docs/man-options.sh
TESTS += $(docs_tests)
dist_check_SCRIPTS += $(docs_tests)
