/* What the Python module has for the learned transform, and what both its files use. */
#ifndef MEDARCHIVE_LIFTING_MODULE_H
#define MEDARCHIVE_LIFTING_MODULE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "lifting_model.h"

/* A buffer of exactly as many bytes; 0 with an exception set. */
int get(PyObject *from, Py_buffer *buffer, int flags, int64_t bytes, const char *what);

/* Whether a plane can have these sides; 0 with an exception set. */
int sides(int rows, int columns);

/* The coder of an instruction set; NULL with an exception set. */
const coder *coder_of(const char *name);

PyObject *pack_lifting(PyObject *self, PyObject *args);
PyObject *expect(PyObject *self, PyObject *args);
PyObject *join(PyObject *self, PyObject *args);

#endif
