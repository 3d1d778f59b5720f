/* What the functions of the Python module share: looking at what they are given. */
#ifndef MEDARCHIVE_ARGUMENTS_H
#define MEDARCHIVE_ARGUMENTS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <string.h>

#include "tile.h"

enum { LONGEST_SIDE = 1 << 16 };

/* A buffer of exactly as many bytes. */
static inline int get(PyObject *from, Py_buffer *buffer, int flags, int64_t bytes, const char *what)
{
    if (PyObject_GetBuffer(from, buffer, flags) < 0)
        return 0;
    if (buffer->len == bytes && (uintptr_t)buffer->buf % sizeof(int32_t) == 0)
        return 1;
    PyErr_Format(PyExc_ValueError, "%s of %zd bytes, where there should be %lld", what, buffer->len, (long long)bytes);
    PyBuffer_Release(buffer);
    return 0;
}

static inline void release_all(Py_buffer *buffers, int count)
{
    for (int i = 0; i < count; i++)
        PyBuffer_Release(&buffers[i]);
}

/* A coder by its name, where this machine has it. */
static inline const coder *coder_of(const char *name)
{
    for (int i = 0; CODERS[i]; i++)
        if (strcmp(CODERS[i]->name, name) == 0 && CODERS[i]->here())
            return CODERS[i];
    PyErr_Format(PyExc_ValueError, "no kernel for %s here", name);
    return NULL;
}

/* solving.c */
PyObject *solving_mark(PyObject *self, PyObject *args);
PyObject *solving_plane(PyObject *self, PyObject *args);
PyObject *solving_gather(PyObject *self, PyObject *args);
PyObject *solving_normal(PyObject *self, PyObject *args);
PyObject *solving_missed(PyObject *self, PyObject *args);

#endif
