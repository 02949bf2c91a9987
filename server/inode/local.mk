libserver_a_SOURCES += \
	server/inode/rcu_order.h server/inode/table.h \
	server/inode/table_priv.h server/inode/table.c \
	server/inode/held.c \
	server/inode/fd.h \
	server/inode/fd.c

check_PROGRAMS += tests/unit/test_inode_table
TESTS += tests/unit/test_inode_table
tests_unit_test_inode_table_SOURCES = tests/unit/test_inode_table.c
tests_unit_test_inode_table_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_inode_table_LDADD = libserver.a libmem.a $(CHECK_LIBS)
tests_unit_test_inode_table_LDADD += $(URCU_LIBS) $(INIH_LIBS) $(JSON_LIBS)
tests_unit_test_inode_table_LDADD += $(XXHASH_LIBS) $(CRYPTO_LIBS)
tests_unit_test_inode_table_LDADD += $(ZLIB_LIBS) $(SYSTEMD_LIBS)

check_PROGRAMS += tests/unit/test_fd
TESTS += tests/unit/test_fd
tests_unit_test_fd_SOURCES = tests/unit/test_fd.c
tests_unit_test_fd_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_fd_LDADD = libserver.a libmem.a $(CHECK_LIBS)
tests_unit_test_fd_LDADD += $(URCU_LIBS) $(INIH_LIBS) $(JSON_LIBS)
tests_unit_test_fd_LDADD += $(XXHASH_LIBS) $(CRYPTO_LIBS)
tests_unit_test_fd_LDADD += $(ZLIB_LIBS) $(SYSTEMD_LIBS)
