/* What the encoder has from the kernel beside coding: planes of tiles, values that occur, least squares. */
#include "arguments.h"

#include "planes.h"

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
PyObject *solving_gather(PyObject *self, PyObject *args)
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

PyObject *solving_normal(PyObject *self, PyObject *args)
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

PyObject *solving_missed(PyObject *self, PyObject *args)
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
PyObject *solving_mark(PyObject *self, PyObject *args)
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
PyObject *solving_plane(PyObject *self, PyObject *args)
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
