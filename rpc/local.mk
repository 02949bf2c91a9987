noinst_LIBRARIES += librpc.a
librpc_a_SOURCES = \
	rpc/auth.h rpc/auth.c \
	rpc/dict.h rpc/dict.c \
	rpc/xdr.h rpc/xdr.c \
	rpc/tirpc.h rpc/ranks.h \
	rpc/record.h rpc/record.c \
	rpc/message.h rpc/message.c \
	rpc/program.h rpc/dispatch.c \
	rpc/conn.h rpc/conn.c \
	rpc/receive.c rpc/transmit.c \
	rpc/listener.c rpc/thread.c \
	rpc/service.h rpc/service_impl.h rpc/service.c

check_PROGRAMS += tests/unit/test_rpc_service
TESTS += tests/unit/test_rpc_service
tests_unit_test_rpc_service_SOURCES = tests/unit/test_rpc_service.c \
	tests/unit/rpc_fixture.h tests/unit/rpc_fixture.c
tests_unit_test_rpc_service_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_rpc_service_LDADD = librpc.a libmem.a $(CHECK_LIBS) \
	$(EVENT_LIBS) $(TIRPC_LIBS) $(URCU_LIBS)

check_PROGRAMS += tests/unit/test_rpc_hostile
TESTS += tests/unit/test_rpc_hostile
tests_unit_test_rpc_hostile_SOURCES = tests/unit/test_rpc_hostile.c \
	tests/unit/rpc_fixture.h tests/unit/rpc_fixture.c
tests_unit_test_rpc_hostile_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_rpc_hostile_LDADD = librpc.a libmem.a $(CHECK_LIBS) \
	$(EVENT_LIBS) $(TIRPC_LIBS) $(URCU_LIBS)

check_PROGRAMS += tests/unit/test_rpc_pressure
TESTS += tests/unit/test_rpc_pressure
tests_unit_test_rpc_pressure_SOURCES = tests/unit/test_rpc_pressure.c \
	tests/unit/rpc_fixture.h tests/unit/rpc_fixture.c
tests_unit_test_rpc_pressure_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_rpc_pressure_LDADD = librpc.a libmem.a $(CHECK_LIBS) \
	$(EVENT_LIBS) $(TIRPC_LIBS) $(URCU_LIBS)

check_PROGRAMS += tests/unit/test_rpc_record
TESTS += tests/unit/test_rpc_record
tests_unit_test_rpc_record_SOURCES = tests/unit/test_rpc_record.c
tests_unit_test_rpc_record_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_rpc_record_LDADD = librpc.a libmem.a $(CHECK_LIBS) \
	$(TIRPC_LIBS) $(URCU_LIBS)

check_PROGRAMS += tests/unit/test_rpc_auth
TESTS += tests/unit/test_rpc_auth
tests_unit_test_rpc_auth_SOURCES = tests/unit/test_rpc_auth.c
tests_unit_test_rpc_auth_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_rpc_auth_LDADD = librpc.a libmem.a $(CHECK_LIBS) \
	$(TIRPC_LIBS) $(URCU_LIBS)

check_PROGRAMS += tests/unit/test_rpc_dict
TESTS += tests/unit/test_rpc_dict
tests_unit_test_rpc_dict_SOURCES = tests/unit/test_rpc_dict.c
tests_unit_test_rpc_dict_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_rpc_dict_LDADD = librpc.a libmem.a $(CHECK_LIBS) \
	$(TIRPC_LIBS) $(URCU_LIBS)

check_PROGRAMS += tests/unit/test_rpc_xdr
TESTS += tests/unit/test_rpc_xdr
tests_unit_test_rpc_xdr_SOURCES = tests/unit/test_rpc_xdr.c
tests_unit_test_rpc_xdr_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_rpc_xdr_LDADD = librpc.a libmem.a $(CHECK_LIBS) \
	$(TIRPC_LIBS) $(URCU_LIBS)

TESTS += tests/fuzz/run-fuzz.sh
dist_check_SCRIPTS += tests/fuzz/run-fuzz.sh
EXTRA_DIST += tests/fuzz/corpus

check_PROGRAMS += tests/fuzz/fuzz_rpc_record
tests_fuzz_fuzz_rpc_record_SOURCES = tests/fuzz/fuzz_rpc_record.c \
	tests/fuzz/target.h tests/fuzz/main.c
tests_fuzz_fuzz_rpc_record_LDADD = librpc.a libmem.a $(TIRPC_LIBS) $(URCU_LIBS)

check_PROGRAMS += tests/fuzz/fuzz_rpc_message
tests_fuzz_fuzz_rpc_message_SOURCES = tests/fuzz/fuzz_rpc_message.c \
	tests/fuzz/target.h tests/fuzz/main.c
tests_fuzz_fuzz_rpc_message_LDADD = librpc.a libmem.a $(TIRPC_LIBS) $(URCU_LIBS)

check_PROGRAMS += tests/fuzz/fuzz_rpc_dict
tests_fuzz_fuzz_rpc_dict_SOURCES = tests/fuzz/fuzz_rpc_dict.c \
	tests/fuzz/target.h tests/fuzz/main.c
tests_fuzz_fuzz_rpc_dict_LDADD = librpc.a libmem.a $(TIRPC_LIBS) $(URCU_LIBS)
