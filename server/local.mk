noinst_LIBRARIES += libserver.a
libserver_a_SOURCES =
include $(top_srcdir)/server/core/local.mk
include $(top_srcdir)/server/inode/local.mk
include $(top_srcdir)/server/lock/local.mk
include $(top_srcdir)/server/posix/local.mk
include $(top_srcdir)/server/stage/local.mk
include $(top_srcdir)/server/wire/local.mk
include $(top_srcdir)/server/fop/local.mk
include $(top_srcdir)/server/admin/local.mk

libserver_a_SOURCES += \
	server/server.h server/server.c \
	server/server_options.h server/server_options.c \
	server/daemon.h server/daemon.c \
	server/clinkerd.h server/clinkerd.c
