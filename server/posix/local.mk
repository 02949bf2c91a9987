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
