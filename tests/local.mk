EXTRA_DIST += tests/client tests/fault tests/lib

# What ./quickstart runs where it cannot mount.
if HAVE_GFAPI
check_PROGRAMS += tests/client/gfapi_tree
tests_client_gfapi_tree_SOURCES = tests/client/gfapi_tree.c
tests_client_gfapi_tree_CFLAGS = $(AM_CFLAGS) $(GFAPI_CFLAGS)
tests_client_gfapi_tree_LDADD = $(GFAPI_LIBS)
endif
