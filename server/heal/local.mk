libserver_a_SOURCES += \
	server/heal/array.h server/heal/array.c \
	server/heal/watch.h server/heal/watch.c \
	server/heal/index.h server/heal/index_priv.h server/heal/index.c \
	server/heal/index_base.c \
	server/heal/virtual.h server/heal/virtual.c \
	server/heal/heal.h server/heal/heal_priv.h server/heal/heal.c \
	server/heal/xattrop.c

check_PROGRAMS += tests/unit/test_heal_array
TESTS += tests/unit/test_heal_array
tests_unit_test_heal_array_SOURCES = tests/unit/test_heal_array.c
tests_unit_test_heal_array_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_heal_array_LDADD = libserver.a libmem.a $(CHECK_LIBS)

heal_scene = tests/unit/heal_scene.h tests/unit/heal_scene.c \
	tests/unit/posix_scratch.h tests/unit/posix_scratch.c \
	tests/unit/posix_scene.h tests/unit/posix_scene.c
heal_wraps = -Wl,--wrap=linkat -Wl,--wrap=unlinkat -Wl,--wrap=mkdirat \
	-Wl,--wrap=renameat -Wl,--wrap=setxattr -Wl,--wrap=fsetxattr
heal_test_libs = libserver.a libmem.a $(CHECK_LIBS) \
	$(URCU_LIBS) $(INIH_LIBS) $(JSON_LIBS) $(XXHASH_LIBS) $(CRYPTO_LIBS) \
	$(ZLIB_LIBS) $(SYSTEMD_LIBS)

check_PROGRAMS += tests/unit/test_heal_xattrop tests/unit/test_heal_index
TESTS += tests/unit/test_heal_xattrop tests/unit/test_heal_index
tests_unit_test_heal_xattrop_SOURCES = tests/unit/test_heal_xattrop.c \
	$(heal_scene)
tests_unit_test_heal_xattrop_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_heal_xattrop_LDFLAGS = $(AM_LDFLAGS) $(heal_wraps)
tests_unit_test_heal_xattrop_LDADD = $(heal_test_libs)
tests_unit_test_heal_index_SOURCES = tests/unit/test_heal_index.c \
	$(heal_scene)
tests_unit_test_heal_index_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_heal_index_LDFLAGS = $(AM_LDFLAGS) $(heal_wraps)
tests_unit_test_heal_index_LDADD = $(heal_test_libs)
