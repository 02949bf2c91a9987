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
	server/daemon.h server/daemon.c

sbin_PROGRAMS += clinkerd
clinkerd_SOURCES = server/main.c
clinkerd_LDADD = libcli.a libserver.a libiothreads.a librpc.a libmem.a \
	$(EVENT_LIBS) $(TIRPC_LIBS) $(URCU_LIBS) $(INIH_LIBS) $(JSON_LIBS) \
	$(XXHASH_LIBS) $(CRYPTO_LIBS) $(SYSTEMD_LIBS) $(ZLIB_LIBS)

all-local: clinkerctl
clinkerctl: clinkerd
	$(AM_V_GEN)ln -sf clinkerd $@
CLEANFILES += clinkerctl

install-exec-hook:
	$(MKDIR_P) "$(DESTDIR)$(bindir)"
	ln -sf "$(sbindir)/clinkerd" "$(DESTDIR)$(bindir)/clinkerctl"
uninstall-hook:
	rm -f "$(DESTDIR)$(bindir)/clinkerctl"
