/* The Python module _native: checks what it is given, and codes tiles without the interpreter's lock. */
#include "arguments.h"

#include <stdlib.h>
#include <string.h>

#define CAPSULE "medarchive.codecs.predictive._native.model"

enum { HIGHEST = 65535 };

/* Models */

static void free_model(PyObject *capsule) { free(PyCapsule_GetPointer(capsule, CAPSULE)); }

static PyObject *pack(PyObject *self, PyObject *args)
{
    enum { GIVEN = 6 };
    static const char *const names[GIVEN] = {"first weights", "first biases", "second weights", "second biases",
                                             "rates",         "tables"};
    PyObject *given[GIVEN];
    Py_buffer buffers[GIVEN];
    int first, second, count = 0;
    model *packed;
    const char *fault;
    (void)self;
    if (!PyArg_ParseTuple(args, "iiOOOOOO", &first, &second, &given[0], &given[1], &given[2], &given[3], &given[4],
                          &given[5]))
        return NULL;
    if (first < 1 || first > WIDEST || second < 1 || second > WIDEST)
        return PyErr_Format(PyExc_ValueError, "hidden layers of %d and %d", first, second);
    const int64_t bytes[GIVEN] = {
        (int64_t)2 * first * COUNT, (int64_t)4 * first, (int64_t)2 * second * first, (int64_t)4 * second,
        (int64_t)4 * LEARNING * (second + COUNT + 1), (int64_t)2 * SHAPES * SPAN,
    };
    for (; count < GIVEN; count++)
        if (!get(given[count], &buffers[count], PyBUF_SIMPLE, bytes[count], names[count])) {
            release_all(buffers, count);
            return NULL;
        }
    packed = malloc(sizeof *packed);
    if (!packed) {
        release_all(buffers, count);
        return PyErr_NoMemory();
    }
    fault = model_pack(packed, first, second, (const int16_t *const[]){buffers[0].buf, buffers[2].buf},
                       (const int32_t *const[]){buffers[1].buf, buffers[3].buf}, buffers[4].buf, buffers[5].buf);
    release_all(buffers, count);
    if (fault) {
        free(packed);
        return PyErr_Format(PyExc_ValueError, "%s", fault);
    }
    PyObject *capsule = PyCapsule_New(packed, CAPSULE, free_model);
    if (!capsule)
        free(packed);
    return capsule;
}

/* Tiles */

enum { VALUES_PLANE, ERRORS_PLANE, LAST_LAYER, WEIGHTS, VALUES_BEFORE, ERRORS_BEFORE, TIMES, GIVEN_FOR_TILE };

typedef struct {
    tile tile;
    const coder *coder;
    Py_buffer buffers[GIVEN_FOR_TILE];
    int held;
} request;

/* A buffer that is kept until the request is released; None for one that may be missing. */
static int hold(request *r, PyObject *from, int flags, int64_t bytes, const char *what, const void **at)
{
    *at = NULL;
    if (from == Py_None)
        return 1;
    if (!get(from, &r->buffers[r->held], flags, bytes, what))
        return 0;
    *at = r->buffers[r->held++].buf;
    return 1;
}

/* Planes of values are written where the tile is decoded. */
static int hold_all(request *r, PyObject *const *given, int decodes)
{
    enum { READ = PyBUF_SIMPLE, WRITE = PyBUF_WRITABLE };
    const geometry *g = &r->tile.geometry;
    const int64_t plane = 4 * ((int64_t)g->steps + 2 * MARGIN) * g->stride;
    const int across = given[VALUES_BEFORE] != Py_None;
    const int64_t weights = 4 * (AROUND_COUNT + (across ? ACROSS_COUNT : 0));
    const int64_t fine = (int64_t)4 * OUTPUTS * (r->tile.model->second + COUNT + 1);
    const void *found[GIVEN_FOR_TILE];
    if (across != (given[ERRORS_BEFORE] != Py_None)) {
        PyErr_SetString(PyExc_ValueError, "a tile before with one plane of two");
        return 0;
    }
    for (int i = VALUES_PLANE; i <= WEIGHTS; i++)
        if (given[i] == Py_None) {
            PyErr_SetString(PyExc_ValueError, "a tile without planes, last layer or weights");
            return 0;
        }
    if (!hold(r, given[VALUES_PLANE], decodes ? WRITE : READ, plane, "a plane of values", &found[VALUES_PLANE])
        || !hold(r, given[ERRORS_PLANE], WRITE, plane, "a plane of errors", &found[ERRORS_PLANE])
        || !hold(r, given[LAST_LAYER], WRITE, fine, "a last layer", &found[LAST_LAYER])
        || !hold(r, given[WEIGHTS], READ, weights, "linear weights", &found[WEIGHTS])
        || !hold(r, given[VALUES_BEFORE], READ, plane, "a plane of values before", &found[VALUES_BEFORE])
        || !hold(r, given[ERRORS_BEFORE], READ, plane, "a plane of errors before", &found[ERRORS_BEFORE])
        || !hold(r, given[TIMES], WRITE, 8 * STAGES, "times", &found[TIMES]))
        return 0;
    r->tile.values = (int32_t *)found[VALUES_PLANE];
    r->tile.errors = (int32_t *)found[ERRORS_PLANE];
    r->tile.fine = (int32_t *)found[LAST_LAYER];
    r->tile.weights = found[WEIGHTS];
    r->tile.before = found[VALUES_BEFORE];
    r->tile.before_errors = found[ERRORS_BEFORE];
    r->tile.times = (uint64_t *)found[TIMES];
    return 1;
}

/* Whether all numbers keep the limits that make the sums of a tile stay in 32 bits. */
static int limits_kept(const tile *tile)
{
    int64_t sum = 0;
    for (int i = 0, count = AROUND_COUNT + (tile->before ? ACROSS_COUNT : 0); i < count; i++)
        sum += tile->weights[i] < 0 ? -(int64_t)tile->weights[i] : tile->weights[i];
    for (int i = 0, count = OUTPUTS * (tile->model->second + COUNT + 1); i < count; i++)
        if (tile->fine[i] > MOST_FINE || tile->fine[i] < -MOST_FINE)
            return 0;
    return sum <= MOST_LINEAR;
}

static void request_end(request *r) { release_all(r->buffers, r->held); }

/* (model, instruction set, values, errors, last layer, weights, values before, errors before, times, rows, columns,
 * highest) */
static int request_begin(request *r, PyObject *args, int decodes)
{
    PyObject *capsule, *given[GIVEN_FOR_TILE];
    const char *name;
    int rows, columns, highest;
    memset(r, 0, sizeof *r);
    if (!PyArg_ParseTuple(args, "OsOOOOOOOiii", &capsule, &name, &given[0], &given[1], &given[2], &given[3], &given[4],
                          &given[5], &given[6], &rows, &columns, &highest))
        return 0;
    r->tile.model = PyCapsule_GetPointer(capsule, CAPSULE);
    if (!r->tile.model || !(r->coder = coder_of(name)))
        return 0;
    if (rows < 1 || rows > LONGEST_SIDE || columns < 1 || columns > LONGEST_SIDE || highest < 0 || highest > HIGHEST) {
        PyErr_Format(PyExc_ValueError, "a tile of %d x %d, values up to %d", rows, columns, highest);
        return 0;
    }
    r->tile.geometry = geometry_of(rows, columns);
    r->tile.highest = highest;
    if (!hold_all(r, given, decodes)) {
        request_end(r);
        return 0;
    }
    if (!limits_kept(&r->tile)) {
        PyErr_SetString(PyExc_ValueError, "linear weights or a last layer beyond their limits");
        request_end(r);
        return 0;
    }
    return 1;
}

static PyObject *encode(PyObject *self, PyObject *args)
{
    request r;
    uint8_t *data = NULL;
    size_t length = 0;
    outcome result;
    PyObject *bytes = NULL;
    (void)self;
    if (!request_begin(&r, args, 0))
        return NULL;
    Py_BEGIN_ALLOW_THREADS;
    result = r.coder->encode(&r.tile, &data, &length);
    Py_END_ALLOW_THREADS;
    request_end(&r);
    if (result == CODED)
        bytes = PyBytes_FromStringAndSize((const char *)data, (Py_ssize_t)length);
    else if (result == VALUE_BEYOND)
        PyErr_SetString(PyExc_ValueError, "a tile with a value beyond its highest");
    else
        PyErr_NoMemory();
    free(data);
    return bytes;
}

/* What is wrong with the stream, or None. */
static PyObject *decode(PyObject *self, PyObject *args)
{
    static const char *const faults[] = {
        [NO_SUCH_LENGTH] = "a range coder's stream of a length that none has",
        [NO_SUCH_STATE] = "a range coder's stream that begins where none does",
        [ENDS_EARLY] = "a range coder's stream that ends too early",
        [ENDS_ELSEWHERE] = "a range coder's stream that does not end where it should",
    };
    request r;
    outcome result;
    PyObject *data, *others;
    Py_buffer stream;
    int begun;
    (void)self;
    if (!PyArg_ParseTuple(args, "OO!", &data, &PyTuple_Type, &others))
        return NULL;
    if (PyObject_GetBuffer(data, &stream, PyBUF_SIMPLE) < 0)
        return NULL;
    begun = request_begin(&r, others, 1);
    if (begun) {
        Py_BEGIN_ALLOW_THREADS;
        result = r.coder->decode(&r.tile, stream.buf, (size_t)stream.len);
        Py_END_ALLOW_THREADS;
        request_end(&r);
    }
    PyBuffer_Release(&stream);
    if (!begun)
        return NULL;
    if (result == CODED)
        Py_RETURN_NONE;
    if (result == NO_MEMORY)
        return PyErr_NoMemory();
    return PyUnicode_FromString(faults[result]);
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
    {"encode", encode, METH_VARARGS, "The bytes of a tile; its plane of errors and its last layer are written."},
    {"decode", decode, METH_VARARGS, "Write a tile's planes and last layer; returns what is wrong, or None."},
    {"mark", solving_mark, METH_VARARGS, "Mark the values that occur."},
    {"plane", solving_plane, METH_VARARGS, "Write the plane of a tile."},
    {"gather", solving_gather, METH_VARARGS, "Write a table of samples."},
    {"normal", solving_normal, METH_VARARGS, "Write the normal equations of weighted least squares."},
    {"missed", solving_missed, METH_VARARGS, "Write what each sample misses."},
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
    PyModuleDef_HEAD_INIT, "_native", "The kernel of the codec \"predictive\".", 0, methods, slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__native(void) { return PyModuleDef_Init(&definition); }
