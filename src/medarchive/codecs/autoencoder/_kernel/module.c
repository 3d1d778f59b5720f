/* The Python module _native: checks what it is given, and codes planes without the interpreter's lock. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdlib.h>
#include <string.h>

#include "lifting_module.h"
#include "wavelet.h"

#define CAPSULE "medarchive.codecs.autoencoder._native.model"

enum { LONGEST_SIDE = COARSEST << MOST_LEVELS };

int get(PyObject *from, Py_buffer *buffer, int flags, int64_t bytes, const char *what)
{
    if (PyObject_GetBuffer(from, buffer, flags) < 0)
        return 0;
    if (buffer->len == bytes)
        return 1;
    PyErr_Format(PyExc_ValueError, "%s of %zd bytes, where there should be %lld", what, buffer->len, (long long)bytes);
    PyBuffer_Release(buffer);
    return 0;
}

int sides(int rows, int columns)
{
    if (rows >= 1 && rows <= LONGEST_SIDE && columns >= 1 && columns <= LONGEST_SIDE)
        return 1;
    PyErr_Format(PyExc_ValueError, "a plane of %d x %d", rows, columns);
    return 0;
}

const coder *coder_of(const char *name)
{
    for (int i = 0; CODERS[i]; i++)
        if (strcmp(CODERS[i]->name, name) == 0 && CODERS[i]->here())
            return CODERS[i];
    PyErr_Format(PyExc_ValueError, "no kernel for %s here", name);
    return NULL;
}

/* Models */

static void free_model(PyObject *capsule) { free(PyCapsule_GetPointer(capsule, CAPSULE)); }

static PyObject *pack(PyObject *self, PyObject *args)
{
    PyObject *given[3], *capsule = NULL;
    Py_buffer weights, biases, chances;
    int first, second;
    model *packed = NULL;
    const char *fault;
    (void)self;
    if (!PyArg_ParseTuple(args, "iiOOO", &first, &second, &given[0], &given[1], &given[2]))
        return NULL;
    if (first < 1 || first > WIDEST || second < 1 || second > WIDEST)
        return PyErr_Format(PyExc_ValueError, "hidden layers of %d and %d", first, second);
    if (!get(given[0], &weights, PyBUF_SIMPLE, 2 * weight_count(first, second), "weights"))
        return NULL;
    if (!get(given[1], &biases, PyBUF_SIMPLE, 4 * bias_count(first, second), "biases"))
        goto no_biases;
    if (!get(given[2], &chances, PyBUF_SIMPLE, 2 * LOGITS, "chances"))
        goto no_chances;
    packed = malloc(sizeof *packed);
    if (!packed) {
        PyErr_NoMemory();
    } else if ((fault = model_pack(packed, first, second, weights.buf, biases.buf, chances.buf))) {
        PyErr_SetString(PyExc_ValueError, fault);
    } else {
        capsule = PyCapsule_New(packed, CAPSULE, free_model);
    }
    if (!capsule)
        free(packed);
    PyBuffer_Release(&chances);
no_chances:
    PyBuffer_Release(&biases);
no_biases:
    PyBuffer_Release(&weights);
    return capsule;
}

/* Planes */

static PyObject *failed(outcome result)
{
    static const char *const faults[] = {
        [NO_SUCH_LENGTH] = "a range coder's stream of a length that none has",
        [NO_SUCH_STATE] = "a range coder's stream that begins where none does",
        [ENDS_EARLY] = "a range coder's stream that ends too early",
        [ENDS_ELSEWHERE] = "a range coder's stream that does not end where it should",
        [BEYOND_BOUNDS] = "a band beyond all bounds",
    };
    return result == NO_MEMORY ? PyErr_NoMemory() : PyUnicode_FromString(faults[result]);
}

/* What the arguments of the three functions begin with: (model, instruction set, coefficients, rows, columns) */
static const coder *begin(plane *p, Py_buffer *flat, PyObject *capsule, const char *name, PyObject *given)
{
    const coder *coder;
    p->model = PyCapsule_GetPointer(capsule, CAPSULE);
    if (!p->model || !(coder = coder_of(name)) || !sides(p->rows, p->columns)
        || !get(given, flat, PyBUF_WRITABLE, (int64_t)4 * p->rows * p->columns, "coefficients"))
        return NULL;
    p->flat = flat->buf;
    return coder;
}

static PyObject *encode(PyObject *self, PyObject *args)
{
    PyObject *capsule, *given, *bytes;
    Py_buffer flat;
    const char *name;
    const coder *coder;
    plane p = {0};
    uint8_t *data = NULL;
    size_t length = 0;
    outcome result;
    (void)self;
    if (!PyArg_ParseTuple(args, "OsOii", &capsule, &name, &given, &p.rows, &p.columns)
        || !(coder = begin(&p, &flat, capsule, name, given)))
        return NULL;
    Py_BEGIN_ALLOW_THREADS;
    result = coder->encode(&p, &data, &length);
    Py_END_ALLOW_THREADS;
    PyBuffer_Release(&flat);
    bytes = result == CODED ? PyBytes_FromStringAndSize((const char *)data, (Py_ssize_t)length) : NULL;
    if (result == BEYOND_BOUNDS)
        PyErr_SetString(PyExc_ValueError, "a coefficient beyond all bounds");
    else if (result != CODED)
        PyErr_NoMemory();
    free(data);
    return bytes;
}

/* What is wrong with the stream, or None. */
static PyObject *decode(PyObject *self, PyObject *args)
{
    PyObject *capsule, *given;
    Py_buffer flat, stream;
    const char *name;
    const coder *coder;
    plane p = {0};
    outcome result;
    (void)self;
    if (!PyArg_ParseTuple(args, "OsOiiy*", &capsule, &name, &given, &p.rows, &p.columns, &stream))
        return NULL;
    if (!(coder = begin(&p, &flat, capsule, name, given))) {
        PyBuffer_Release(&stream);
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS;
    result = coder->decode(&p, stream.buf, (size_t)stream.len);
    Py_END_ALLOW_THREADS;
    PyBuffer_Release(&flat);
    PyBuffer_Release(&stream);
    if (result == CODED)
        Py_RETURN_NONE;
    return failed(result);
}

static PyObject *quantise(PyObject *self, PyObject *args)
{
    PyObject *capsule, *given, *coefficients;
    Py_buffer flat, scaled;
    const char *name;
    const coder *coder;
    plane p = {0};
    outcome result;
    (void)self;
    if (!PyArg_ParseTuple(args, "OsOiiOffii", &capsule, &name, &given, &p.rows, &p.columns, &coefficients, &p.price,
                          &p.inward, &p.finest, &p.coarsest)
        || !(coder = begin(&p, &flat, capsule, name, given)))
        return NULL;
    if (!get(coefficients, &scaled, PyBUF_SIMPLE, (int64_t)4 * p.rows * p.columns, "scaled coefficients")) {
        PyBuffer_Release(&flat);
        return NULL;
    }
    p.scaled = scaled.buf;
    if (p.finest < 0)
        p.finest = 0;
    Py_BEGIN_ALLOW_THREADS;
    result = coder->quantise(&p);
    Py_END_ALLOW_THREADS;
    PyBuffer_Release(&flat);
    PyBuffer_Release(&scaled);
    if (result == CODED)
        Py_RETURN_NONE;
    return failed(result);
}

/* (plane, coefficients, rows, columns) */
static PyObject *transformed(PyObject *args, int forth)
{
    PyObject *given, *coefficients;
    Py_buffer plane, flat;
    int rows, columns, done;
    if (!PyArg_ParseTuple(args, "OOii", &given, &coefficients, &rows, &columns) || !sides(rows, columns)
        || !get(given, &plane, PyBUF_WRITABLE, (int64_t)8 * rows * columns, "a plane"))
        return NULL;
    if (!get(coefficients, &flat, forth ? PyBUF_WRITABLE : PyBUF_SIMPLE, (int64_t)8 * rows * columns, "coefficients")) {
        PyBuffer_Release(&plane);
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS;
    done = forth ? analyse(plane.buf, rows, columns, flat.buf) : synthesise(flat.buf, rows, columns, plane.buf);
    Py_END_ALLOW_THREADS;
    PyBuffer_Release(&plane);
    PyBuffer_Release(&flat);
    if (!done)
        return PyErr_NoMemory();
    Py_RETURN_NONE;
}

static PyObject *analyse_plane(PyObject *self, PyObject *args)
{
    (void)self;
    return transformed(args, 1);
}

static PyObject *synthesise_plane(PyObject *self, PyObject *args)
{
    (void)self;
    return transformed(args, 0);
}

/* Names of what this machine has, the fastest first. */
static PyObject *instruction_sets(PyObject *self, PyObject *none)
{
    PyObject *names = PyList_New(0);
    (void)self;
    (void)none;
    for (int i = 0; names && CODERS[i]; i++)
        if (CODERS[i]->here()) {
            PyObject *name = PyUnicode_FromString(CODERS[i]->name);
            if (!name || PyList_Append(names, name) < 0)
                Py_CLEAR(names);
            Py_XDECREF(name);
        }
    return names;
}

static PyMethodDef methods[] = {
    {"pack", pack, METH_VARARGS, "A model for the kernel."},
    {"encode", encode, METH_VARARGS, "The bytes of a plane's coefficients."},
    {"decode", decode, METH_VARARGS, "Write a plane's coefficients; returns what is wrong, or None."},
    {"quantise", quantise, METH_VARARGS, "Write the coefficients that are the best bargain."},
    {"analyse", analyse_plane, METH_VARARGS, "Write the coefficients of a plane, which is used up."},
    {"synthesise", synthesise_plane, METH_VARARGS, "Write the plane of some coefficients."},
    {"pack_lifting", pack_lifting, METH_VARARGS, "A learned transform for the kernel."},
    {"expect", expect, METH_VARARGS, "Write the details that a low band lets expect."},
    {"join", join, METH_VARARGS, "Write what a level's bands join to."},
    {"instruction_sets", instruction_sets, METH_NOARGS, "What this machine has, the fastest first."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
#if defined(Py_GIL_DISABLED) && !defined(Py_LIMITED_API)
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_native", "The kernel of the codec \"autoencoder\".", 0, methods, slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__native(void) { return PyModuleDef_Init(&definition); }
