EXTRA_DIST += tests/lib tests/client tests/fault

# What ./quickstart uses where there is no /dev/fuse.
if HAVE_GFAPI
check_PROGRAMS += tests/client/gfapi_tree
tests_client_gfapi_tree_SOURCES = tests/client/gfapi_tree.c
tests_client_gfapi_tree_CFLAGS = $(AM_CFLAGS) $(GFAPI_CFLAGS)
tests_client_gfapi_tree_LDADD = $(GFAPI_LIBS)
endif
