/* The Python module _native: checks what it is given, and codes tiles without the interpreter's lock. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdlib.h>
#include <string.h>

#include "planes.h"

#define CAPSULE "medarchive.codecs.predictive._native.model"

enum { LONGEST_SIDE = 1 << 16, HIGHEST = 65535 };

/* A buffer of exactly as many bytes. */
static int get(PyObject *from, Py_buffer *buffer, int flags, int64_t bytes, const char *what)
{
    if (PyObject_GetBuffer(from, buffer, flags) < 0)
        return 0;
    if (buffer->len == bytes && (uintptr_t)buffer->buf % sizeof(int32_t) == 0)
        return 1;
    PyErr_Format(PyExc_ValueError, "%s of %zd bytes, where there should be %lld", what, buffer->len, (long long)bytes);
    PyBuffer_Release(buffer);
    return 0;
}

static void release_all(Py_buffer *buffers, int count)
{
    for (int i = 0; i < count; i++)
        PyBuffer_Release(&buffers[i]);
}

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

static const coder *coder_of(const char *name)
{
    for (int i = 0; CODERS[i]; i++)
        if (strcmp(CODERS[i]->name, name) == 0 && CODERS[i]->here())
            return CODERS[i];
    PyErr_Format(PyExc_ValueError, "no kernel for %s here", name);
    return NULL;
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

/* Least squares: (instruction set, samples, columns of the table, columns in use, table, weights, result) */

enum { TABLE, SQUARE_WEIGHTS, SQUARE_RESULT, GIVEN_FOR_SQUARES };

typedef struct {
    const coder *coder;
    long long samples;
    int stride, columns;
    Py_buffer buffers[GIVEN_FOR_SQUARES];
} squares;

/* The weights are those of samples or of terms, and the result is a matrix or a number for each sample. */
static int squares_begin(squares *q, PyObject *args, int of_samples)
{
    PyObject *given[GIVEN_FOR_SQUARES];
    const char *name;
    if (!PyArg_ParseTuple(args, "sLiiOOO", &name, &q->samples, &q->stride, &q->columns, &given[0], &given[1], &given[2]))
        return 0;
    if (q->samples < 0 || q->samples > (long long)1 << 32 || q->columns < 1 || q->columns > q->stride
        || q->stride > MOST_COLUMNS) {
        PyErr_Format(PyExc_ValueError, "%lld samples of %d of %d columns", q->samples, q->columns, q->stride);
        return 0;
    }
    if (!(q->coder = coder_of(name)))
        return 0;
    const int64_t weights = of_samples ? q->samples : q->columns - 1;
    const int64_t result = of_samples ? (int64_t)8 * q->columns * q->columns : 4 * q->samples;
    if (!get(given[TABLE], &q->buffers[TABLE], PyBUF_SIMPLE, 4 * q->samples * q->stride, "a table of samples"))
        return 0;
    if (!get(given[SQUARE_WEIGHTS], &q->buffers[SQUARE_WEIGHTS], PyBUF_SIMPLE, 4 * weights, "weights")) {
        release_all(q->buffers, SQUARE_WEIGHTS);
        return 0;
    }
    if (!get(given[SQUARE_RESULT], &q->buffers[SQUARE_RESULT], PyBUF_WRITABLE, result, "room for the result")) {
        release_all(q->buffers, SQUARE_RESULT);
        return 0;
    }
    return 1;
}

static PyObject *squares_end(squares *q)
{
    release_all(q->buffers, GIVEN_FOR_SQUARES);
    Py_RETURN_NONE;
}

/* (instruction set, plane, plane before or None, places, offsets, number of them in the first plane, table) */
static PyObject *gather(PyObject *self, PyObject *args)
{
    enum { PLANE, PLACES, OFFSETS, FILLED, BEFORE, GIVEN };
    PyObject *given[GIVEN];
    Py_buffer buffers[GIVEN];
    const char *name;
    const coder *coder;
    int around, count = 0, inside = 1;
    (void)self;
    if (!PyArg_ParseTuple(args, "sOOOOiO", &name, &given[PLANE], &given[BEFORE], &given[PLACES], &given[OFFSETS],
                          &around, &given[FILLED]))
        return NULL;
    if (!(coder = coder_of(name)))
        return NULL;
    for (; count < GIVEN - (given[BEFORE] == Py_None); count++)
        if (PyObject_GetBuffer(given[count], &buffers[count], count == FILLED ? PyBUF_WRITABLE : PyBUF_SIMPLE) < 0) {
            release_all(buffers, count);
            return NULL;
        }
    const int64_t plane = buffers[PLANE].len / 4, samples = buffers[PLACES].len / 4;
    const int64_t columns = buffers[OFFSETS].len / 4;
    const int32_t *places = buffers[PLACES].buf, *offsets = buffers[OFFSETS].buf;
    int64_t first = plane, last = -1, least = 0, most = 0;
    for (int64_t i = 0; i < samples; i++) {
        first = places[i] < first ? places[i] : first;
        last = places[i] > last ? places[i] : last;
    }
    for (int64_t i = 0; i < columns; i++) {
        least = offsets[i] < least ? offsets[i] : least;
        most = offsets[i] > most ? offsets[i] : most;
    }
    inside = first + least >= 0 && last + most < plane && around >= 0 && around < columns
             && buffers[FILLED].len == 4 * samples * columns
             && (given[BEFORE] == Py_None ? around == columns - 1 : buffers[BEFORE].len == buffers[PLANE].len);
    if (inside) {
        Py_BEGIN_ALLOW_THREADS;
        coder->gather(buffers[PLANE].buf, given[BEFORE] == Py_None ? buffers[PLANE].buf : buffers[BEFORE].buf, places,
                      samples, offsets, around, (int)(columns - 1 - around), buffers[FILLED].buf);
        Py_END_ALLOW_THREADS;
    }
    release_all(buffers, count);
    if (!inside)
        return PyErr_Format(PyExc_ValueError, "places outside of a plane, or a table of another size");
    Py_RETURN_NONE;
}

static PyObject *normal(PyObject *self, PyObject *args)
{
    squares q;
    (void)self;
    if (!squares_begin(&q, args, 1))
        return NULL;
    Py_BEGIN_ALLOW_THREADS;
    q.coder->normal(q.buffers[TABLE].buf, q.buffers[SQUARE_WEIGHTS].buf, q.samples, q.stride, q.columns,
                    q.buffers[SQUARE_RESULT].buf);
    Py_END_ALLOW_THREADS;
    return squares_end(&q);
}

static PyObject *missed(PyObject *self, PyObject *args)
{
    squares q;
    (void)self;
    if (!squares_begin(&q, args, 0))
        return NULL;
    Py_BEGIN_ALLOW_THREADS;
    q.coder->missed(q.buffers[TABLE].buf, q.buffers[SQUARE_WEIGHTS].buf, q.samples, q.stride, q.columns - 1,
                    q.buffers[SQUARE_RESULT].buf);
    Py_END_ALLOW_THREADS;
    return squares_end(&q);
}

/* (values, a byte for each that there can be) */
static PyObject *mark(PyObject *self, PyObject *args)
{
    PyObject *given[2];
    Py_buffer values, used;
    int inside = 1;
    (void)self;
    if (!PyArg_ParseTuple(args, "OO", &given[0], &given[1]))
        return NULL;
    if (PyObject_GetBuffer(given[0], &values, PyBUF_SIMPLE) < 0)
        return NULL;
    if (PyObject_GetBuffer(given[1], &used, PyBUF_WRITABLE) < 0) {
        PyBuffer_Release(&values);
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS;
    const uint32_t *value = values.buf;
    uint8_t *to = used.buf;
    for (Py_ssize_t i = 0; i < values.len / 4 && inside; i++) {
        inside = (int64_t)value[i] < used.len;
        if (inside)
            to[value[i]] = 1;
    }
    Py_END_ALLOW_THREADS;
    PyBuffer_Release(&values);
    PyBuffer_Release(&used);
    if (!inside)
        return PyErr_Format(PyExc_ValueError, "a value beyond those that there can be");
    Py_RETURN_NONE;
}

/* (rows, columns, tile, plane of zeros) */
static PyObject *plane(PyObject *self, PyObject *args)
{
    PyObject *given[2];
    Py_buffer tile, filled;
    int rows, columns;
    (void)self;
    if (!PyArg_ParseTuple(args, "iiOO", &rows, &columns, &given[0], &given[1]))
        return NULL;
    if (rows < 1 || rows > LONGEST_SIDE || columns < 1 || columns > LONGEST_SIDE)
        return PyErr_Format(PyExc_ValueError, "a tile of %d x %d", rows, columns);
    const geometry g = geometry_of(rows, columns);
    if (!get(given[0], &tile, PyBUF_SIMPLE, (int64_t)4 * rows * columns, "a tile"))
        return NULL;
    if (!get(given[1], &filled, PyBUF_WRITABLE, 4 * ((int64_t)g.steps + 2 * MARGIN) * g.stride, "a plane")) {
        PyBuffer_Release(&tile);
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS;
    plane_of(&g, tile.buf, filled.buf);
    Py_END_ALLOW_THREADS;
    PyBuffer_Release(&tile);
    PyBuffer_Release(&filled);
    Py_RETURN_NONE;
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
    {"mark", mark, METH_VARARGS, "Mark the values that occur."},
    {"plane", plane, METH_VARARGS, "Write the plane of a tile."},
    {"gather", gather, METH_VARARGS, "Write a table of samples."},
    {"normal", normal, METH_VARARGS, "Write the normal equations of weighted least squares."},
    {"missed", missed, METH_VARARGS, "Write what each sample misses."},
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
