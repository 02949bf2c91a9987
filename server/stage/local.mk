libserver_a_SOURCES += \
	server/stage/access.h server/stage/access.c \
	server/stage/squash.h server/stage/squash.c \
	server/stage/groups.h server/stage/groups.c \
	server/stage/auth.h server/stage/auth.c \
	server/stage/auth_list.h server/stage/auth_list.c

check_PROGRAMS += \
	tests/unit/test_access tests/unit/test_squash tests/unit/test_groups \
	tests/unit/test_auth
TESTS += \
	tests/unit/test_access tests/unit/test_squash tests/unit/test_groups \
	tests/unit/test_auth
tests_unit_test_access_SOURCES = tests/unit/test_access.c
tests_unit_test_access_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_access_LDADD = libserver.a libmem.a $(CHECK_LIBS)
tests_unit_test_squash_SOURCES = tests/unit/test_squash.c
tests_unit_test_squash_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_squash_LDADD = libserver.a libmem.a $(CHECK_LIBS)
tests_unit_test_groups_SOURCES = tests/unit/test_groups.c
tests_unit_test_groups_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_groups_LDADD = libserver.a libmem.a $(CHECK_LIBS)
tests_unit_test_auth_SOURCES = tests/unit/test_auth.c
tests_unit_test_auth_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_auth_LDADD = libserver.a libmem.a $(CHECK_LIBS) \
	$(CRYPTO_LIBS)
