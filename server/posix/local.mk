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
	server/posix/lookup.c \
	server/posix/path.c \
	server/posix/health.c \
	server/posix/janitor.c \
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
libserver_a_SOURCES += server/posix/xattr_get.c
libserver_a_SOURCES += server/posix/virtual.c
libserver_a_SOURCES += server/posix/content.c
libserver_a_SOURCES += server/posix/acl.c
libserver_a_SOURCES += server/posix/dir.c
