libserver_a_SOURCES += \
	server/lock/range.h server/lock/range.c \
	server/lock/record.h server/lock/record.c \
	server/lock/deadlock.h server/lock/deadlock.c \
	server/lock/domain.h server/lock/domain.c \
	server/lock/holder.h server/lock/holder.c \
	server/lock/posixlk.h server/lock/posixlk.c \
	server/lock/volume.h server/lock/volume.c \
	server/lock/internal.h server/lock/internal_priv.h \
	server/lock/internal.c \
	server/lock/notice.h server/lock/notice.c \
	server/lock/clear.h server/lock/clear.c \
	server/lock/rows.h server/lock/rows.c \
	server/lock/removal.h server/lock/removal.c \
	server/lock/mandatory.h server/lock/mandatory.c \
	server/lock/active.h server/lock/active.c \
	server/lock/owner_text.h server/lock/owner_text.c \
	server/lock/lock_dump.c

check_PROGRAMS += \
	tests/unit/test_lk_range tests/unit/test_posixlk \
	tests/unit/test_posixlk_model
TESTS += \
	tests/unit/test_lk_range tests/unit/test_posixlk \
	tests/unit/test_posixlk_model
tests_unit_test_lk_range_SOURCES = tests/unit/test_lk_range.c
tests_unit_test_lk_range_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_lk_range_LDADD = libserver.a libmem.a $(CHECK_LIBS)
tests_unit_test_posixlk_SOURCES = tests/unit/test_posixlk.c \
	tests/unit/lk_scene.h tests/unit/lk_scene.c
tests_unit_test_posixlk_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_posixlk_LDADD = libserver.a libmem.a $(CHECK_LIBS) \
	$(URCU_LIBS) $(XXHASH_LIBS) $(SYSTEMD_LIBS)
tests_unit_test_posixlk_model_SOURCES = tests/unit/test_posixlk_model.c \
	tests/unit/lk_scene.h tests/unit/lk_scene.c
tests_unit_test_posixlk_model_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_posixlk_model_LDADD = libserver.a libmem.a $(CHECK_LIBS) \
	$(URCU_LIBS) $(XXHASH_LIBS) $(SYSTEMD_LIBS)

check_PROGRAMS += tests/unit/test_internal_lock
TESTS += tests/unit/test_internal_lock
tests_unit_test_internal_lock_SOURCES = tests/unit/test_internal_lock.c
tests_unit_test_internal_lock_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_internal_lock_LDADD = libserver.a libmem.a $(CHECK_LIBS) \
	$(URCU_LIBS) $(XXHASH_LIBS) $(SYSTEMD_LIBS)

check_PROGRAMS += tests/unit/test_deadlock
TESTS += tests/unit/test_deadlock
tests_unit_test_deadlock_SOURCES = tests/unit/test_deadlock.c \
	tests/unit/lk_scene.h tests/unit/lk_scene.c
tests_unit_test_deadlock_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_deadlock_LDADD = libserver.a libmem.a $(CHECK_LIBS) \
	$(URCU_LIBS) $(XXHASH_LIBS) $(SYSTEMD_LIBS)
