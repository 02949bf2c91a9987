libserver_a_SOURCES += \
	server/posix/posix.h \
	server/posix/internal.h \
	server/posix/brick.c \
	server/posix/layout.h \
	server/posix/layout.c \
	server/posix/owner.h \
	server/posix/owner.c \
	server/posix/ref.c \
	server/posix/handle.c \
	server/posix/iatt.c \
	server/posix/mdata.c \
	server/posix/name.c \
	server/posix/reserve.c \
	server/posix/backref.c \
	server/posix/known.c \
	server/posix/lookup.c \
	server/posix/path.c \
	server/posix/health.c \
	server/posix/janitor.c \
	server/posix/store.c \
	server/posix/dump.c
libserver_a_SOURCES += server/posix/ops.h
libserver_a_SOURCES += server/posix/make.h
libserver_a_SOURCES += server/posix/namelock.c
libserver_a_SOURCES += server/posix/lastname.c
libserver_a_SOURCES += server/posix/open.c
libserver_a_SOURCES += server/posix/make.c
libserver_a_SOURCES += server/posix/entry.c
libserver_a_SOURCES += server/posix/remove.c
libserver_a_SOURCES += server/posix/rename.c
libserver_a_SOURCES += server/posix/attr.c
libserver_a_SOURCES += server/posix/change.c
libserver_a_SOURCES += server/posix/data.c
libserver_a_SOURCES += server/posix/space.c
libserver_a_SOURCES += server/posix/rchecksum.c
libserver_a_SOURCES += server/posix/xattr_io.c
libserver_a_SOURCES += server/posix/xattr_set.c
libserver_a_SOURCES += server/posix/xattr_update.c
libserver_a_SOURCES += server/posix/xattr_get.c
libserver_a_SOURCES += server/posix/virtual.c
libserver_a_SOURCES += server/posix/content.c
libserver_a_SOURCES += server/posix/acl.c
libserver_a_SOURCES += server/posix/dir.c

check_PROGRAMS += tests/unit/test_posix_entry
TESTS += tests/unit/test_posix_entry
tests_unit_test_posix_entry_SOURCES = tests/unit/test_posix_entry.c
tests_unit_test_posix_entry_SOURCES += tests/unit/posix_scratch.h
tests_unit_test_posix_entry_SOURCES += tests/unit/posix_scratch.c
tests_unit_test_posix_entry_SOURCES += tests/unit/posix_scene.h
tests_unit_test_posix_entry_SOURCES += tests/unit/posix_scene.c
tests_unit_test_posix_entry_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_posix_entry_LDADD = libserver.a libmem.a $(CHECK_LIBS)
tests_unit_test_posix_entry_LDADD += $(URCU_LIBS) $(INIH_LIBS) $(JSON_LIBS)
tests_unit_test_posix_entry_LDADD += $(XXHASH_LIBS) $(CRYPTO_LIBS)
tests_unit_test_posix_entry_LDADD += $(ZLIB_LIBS) $(SYSTEMD_LIBS)

check_PROGRAMS += tests/unit/test_posix_known
TESTS += tests/unit/test_posix_known
tests_unit_test_posix_known_SOURCES = tests/unit/test_posix_known.c
tests_unit_test_posix_known_SOURCES += tests/unit/posix_scratch.h
tests_unit_test_posix_known_SOURCES += tests/unit/posix_scratch.c
tests_unit_test_posix_known_SOURCES += tests/unit/posix_scene.h
tests_unit_test_posix_known_SOURCES += tests/unit/posix_scene.c
tests_unit_test_posix_known_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_posix_known_LDADD = libserver.a libmem.a $(CHECK_LIBS)
tests_unit_test_posix_known_LDADD += $(URCU_LIBS) $(INIH_LIBS) $(JSON_LIBS)
tests_unit_test_posix_known_LDADD += $(XXHASH_LIBS) $(CRYPTO_LIBS)
tests_unit_test_posix_known_LDADD += $(ZLIB_LIBS) $(SYSTEMD_LIBS)

check_PROGRAMS += tests/unit/test_posix_data
TESTS += tests/unit/test_posix_data
tests_unit_test_posix_data_SOURCES = tests/unit/test_posix_data.c
tests_unit_test_posix_data_SOURCES += tests/unit/posix_scratch.h
tests_unit_test_posix_data_SOURCES += tests/unit/posix_scratch.c
tests_unit_test_posix_data_SOURCES += tests/unit/posix_scene.h
tests_unit_test_posix_data_SOURCES += tests/unit/posix_scene.c
tests_unit_test_posix_data_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_posix_data_LDADD = libserver.a libmem.a $(CHECK_LIBS)
tests_unit_test_posix_data_LDADD += $(URCU_LIBS) $(INIH_LIBS) $(JSON_LIBS)
tests_unit_test_posix_data_LDADD += $(XXHASH_LIBS) $(CRYPTO_LIBS)
tests_unit_test_posix_data_LDADD += $(ZLIB_LIBS) $(SYSTEMD_LIBS)

check_PROGRAMS += tests/unit/test_posix_xattr
TESTS += tests/unit/test_posix_xattr
tests_unit_test_posix_xattr_SOURCES = tests/unit/test_posix_xattr.c
tests_unit_test_posix_xattr_SOURCES += tests/unit/posix_scratch.h
tests_unit_test_posix_xattr_SOURCES += tests/unit/posix_scratch.c
tests_unit_test_posix_xattr_SOURCES += tests/unit/posix_scene.h
tests_unit_test_posix_xattr_SOURCES += tests/unit/posix_scene.c
tests_unit_test_posix_xattr_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_posix_xattr_LDADD = libserver.a libmem.a $(CHECK_LIBS)
tests_unit_test_posix_xattr_LDADD += $(URCU_LIBS) $(INIH_LIBS) $(JSON_LIBS)
tests_unit_test_posix_xattr_LDADD += $(XXHASH_LIBS) $(CRYPTO_LIBS)
tests_unit_test_posix_xattr_LDADD += $(ZLIB_LIBS) $(SYSTEMD_LIBS)

check_PROGRAMS += tests/unit/test_posix_dir
TESTS += tests/unit/test_posix_dir
tests_unit_test_posix_dir_SOURCES = tests/unit/test_posix_dir.c
tests_unit_test_posix_dir_SOURCES += tests/unit/posix_scratch.h
tests_unit_test_posix_dir_SOURCES += tests/unit/posix_scratch.c
tests_unit_test_posix_dir_SOURCES += tests/unit/posix_scene.h
tests_unit_test_posix_dir_SOURCES += tests/unit/posix_scene.c
tests_unit_test_posix_dir_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_posix_dir_LDADD = libserver.a libmem.a $(CHECK_LIBS)
tests_unit_test_posix_dir_LDADD += $(URCU_LIBS) $(INIH_LIBS) $(JSON_LIBS)
tests_unit_test_posix_dir_LDADD += $(XXHASH_LIBS) $(CRYPTO_LIBS)
tests_unit_test_posix_dir_LDADD += $(ZLIB_LIBS) $(SYSTEMD_LIBS)

check_PROGRAMS += tests/unit/test_posix_handle
TESTS += tests/unit/test_posix_handle
tests_unit_test_posix_handle_SOURCES = tests/unit/test_posix_handle.c
tests_unit_test_posix_handle_SOURCES += tests/unit/posix_scratch.h
tests_unit_test_posix_handle_SOURCES += tests/unit/posix_scratch.c
tests_unit_test_posix_handle_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_posix_handle_LDADD = libserver.a libmem.a $(CHECK_LIBS)
tests_unit_test_posix_handle_LDADD += $(URCU_LIBS) $(INIH_LIBS) $(JSON_LIBS)
tests_unit_test_posix_handle_LDADD += $(XXHASH_LIBS) $(CRYPTO_LIBS)
tests_unit_test_posix_handle_LDADD += $(ZLIB_LIBS) $(SYSTEMD_LIBS)

check_PROGRAMS += tests/unit/test_posix_lookup
TESTS += tests/unit/test_posix_lookup
tests_unit_test_posix_lookup_SOURCES = tests/unit/test_posix_lookup.c
tests_unit_test_posix_lookup_SOURCES += tests/unit/posix_scratch.h
tests_unit_test_posix_lookup_SOURCES += tests/unit/posix_scratch.c
tests_unit_test_posix_lookup_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_posix_lookup_LDADD = libserver.a libmem.a $(CHECK_LIBS)
tests_unit_test_posix_lookup_LDADD += $(URCU_LIBS) $(INIH_LIBS) $(JSON_LIBS)
tests_unit_test_posix_lookup_LDADD += $(XXHASH_LIBS) $(CRYPTO_LIBS)
tests_unit_test_posix_lookup_LDADD += $(ZLIB_LIBS) $(SYSTEMD_LIBS)

check_PROGRAMS += tests/unit/test_posix_health
TESTS += tests/unit/test_posix_health
tests_unit_test_posix_health_SOURCES = tests/unit/test_posix_health.c
tests_unit_test_posix_health_SOURCES += tests/unit/posix_scratch.h
tests_unit_test_posix_health_SOURCES += tests/unit/posix_scratch.c
tests_unit_test_posix_health_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_posix_health_LDADD = libserver.a libmem.a $(CHECK_LIBS)
tests_unit_test_posix_health_LDADD += $(URCU_LIBS) $(INIH_LIBS) $(JSON_LIBS)
tests_unit_test_posix_health_LDADD += $(XXHASH_LIBS) $(CRYPTO_LIBS)
tests_unit_test_posix_health_LDADD += $(ZLIB_LIBS) $(SYSTEMD_LIBS)

check_PROGRAMS += tests/unit/test_posix_names
TESTS += tests/unit/test_posix_names
tests_unit_test_posix_names_SOURCES = tests/unit/test_posix_names.c
tests_unit_test_posix_names_SOURCES += tests/unit/posix_scratch.h
tests_unit_test_posix_names_SOURCES += tests/unit/posix_scratch.c
tests_unit_test_posix_names_SOURCES += tests/unit/posix_scene.h
tests_unit_test_posix_names_SOURCES += tests/unit/posix_scene.c
tests_unit_test_posix_names_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_posix_names_LDADD = libserver.a libmem.a $(CHECK_LIBS)
tests_unit_test_posix_names_LDADD += $(URCU_LIBS) $(INIH_LIBS) $(JSON_LIBS)
tests_unit_test_posix_names_LDADD += $(XXHASH_LIBS) $(CRYPTO_LIBS)
tests_unit_test_posix_names_LDADD += $(ZLIB_LIBS) $(SYSTEMD_LIBS)
