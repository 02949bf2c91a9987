libserver_a_SOURCES += \
	server/inode/table.h \
	server/inode/table.c \
	server/inode/fd.h \
	server/inode/fd.c
