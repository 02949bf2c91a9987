noinst_LIBRARIES += libserver.a
libserver_a_SOURCES =
libserver_a_LIBADD =
include $(top_srcdir)/server/core/local.mk
include $(top_srcdir)/server/inode/local.mk
include $(top_srcdir)/server/lock/local.mk
include $(top_srcdir)/server/posix/local.mk
include $(top_srcdir)/server/stage/local.mk
include $(top_srcdir)/server/wire/local.mk
include $(top_srcdir)/server/fop/local.mk
include $(top_srcdir)/server/admin/local.mk
