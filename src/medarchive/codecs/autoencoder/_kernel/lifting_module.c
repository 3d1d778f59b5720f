/* The learned transform's functions in the Python module. */
#include "lifting_module.h"

#include <stdlib.h>
#include <string.h>

#include "wavelet.h"

#define CAPSULE "medarchive.codecs.autoencoder._native.lifting"

static void free_model(PyObject *capsule) { free(PyCapsule_GetPointer(capsule, CAPSULE)); }

/* (width, kinds, weights, biases) */
PyObject *pack_lifting(PyObject *self, PyObject *args)
{
    PyObject *given[2], *capsule = NULL;
    Py_buffer weights, biases;
    int width, kinds;
    int64_t weight_count, bias_count;
    lifting_model *model = NULL;
    const char *fault = NULL;
    (void)self;
    if (!PyArg_ParseTuple(args, "iiOO", &width, &kinds, &given[0], &given[1]))
        return NULL;
    if (width < 1 || width > NET_WIDEST || kinds < 0 || kinds > 3)
        return PyErr_Format(PyExc_ValueError, "%d units, kinds %d", width, kinds);
    lifting_counts(width, kinds, &weight_count, &bias_count);
    if (!get(given[0], &weights, PyBUF_SIMPLE, 2 * weight_count, "weights"))
        return NULL;
    if (get(given[1], &biases, PyBUF_SIMPLE, 4 * bias_count, "biases")) {
        model = lifting_pack(width, kinds, weights.buf, biases.buf, &fault);
        if (fault)
            PyErr_SetString(PyExc_ValueError, fault);
        else if (!model)
            PyErr_NoMemory();
        else
            capsule = PyCapsule_New(model, CAPSULE, free_model);
        if (!capsule)
            free(model);
        PyBuffer_Release(&biases);
    }
    PyBuffer_Release(&weights);
    return capsule;
}

typedef struct {
    learned_level level;
    const coder *coder;
    const lifting_model *model;
    int which;
    int64_t low, details; /* bytes */
} request;

/* What the arguments of both functions begin with: (model, instruction set, level, its rows, columns, four steps) */
static int begin(request *r, PyObject *capsule, const char *name)
{
    learned_level *l = &r->level;
    r->model = PyCapsule_GetPointer(capsule, CAPSULE);
    if (!r->model || !(r->coder = coder_of(name)) || !sides(l->rows, l->columns))
        return 0;
    if (r->which < 0 || r->which >= LEARNED) {
        PyErr_Format(PyExc_ValueError, "level %d has no networks", r->which);
        return 0;
    }
    for (int i = 0; i < 1 + BANDS; i++)
        if (l->units[i] < 1 || l->units[i] > 1 << 26) {
            PyErr_SetString(PyExc_ValueError, "a step beyond its limits");
            return 0;
        }
    r->low = (int64_t)8 * ((l->rows + 1) / 2) * ((l->columns + 1) / 2);
    r->details = (int64_t)8 * l->rows * l->columns - r->low;
    return 1;
}

static void divide(const learned_level *l, int64_t *details, int64_t *to[BANDS])
{
    to[0] = details;
    to[1] = to[0] + (ptrdiff_t)((l->rows + 1) / 2) * (l->columns / 2);
    to[2] = to[1] + (ptrdiff_t)(l->rows / 2) * ((l->columns + 1) / 2);
}

/* (…, low band, details to be written) */
PyObject *expect(PyObject *self, PyObject *args)
{
    PyObject *capsule, *given[2];
    Py_buffer low, details;
    const char *name;
    request r = {0};
    learned_level *l = &r.level;
    outcome result = CODED;
    (void)self;
    if (!PyArg_ParseTuple(args, "OsiiiLLLLOO", &capsule, &name, &r.which, &l->rows, &l->columns, &l->units[0],
                          &l->units[1], &l->units[2], &l->units[3], &given[0], &given[1])
        || !begin(&r, capsule, name) || !get(given[0], &low, PyBUF_SIMPLE, r.low, "low coefficients"))
        return NULL;
    if (!get(given[1], &details, PyBUF_WRITABLE, r.details, "details")) {
        PyBuffer_Release(&low);
        return NULL;
    }
    l->stack = &r.model->predict[r.which];
    l->low = low.buf;
    divide(l, details.buf, l->details);
    Py_BEGIN_ALLOW_THREADS;
    if (l->stack->layers)
        result = r.coder->lift(l);
    else
        memset(details.buf, 0, (size_t)r.details);
    Py_END_ALLOW_THREADS;
    PyBuffer_Release(&details);
    PyBuffer_Release(&low);
    if (result != CODED)
        return PyErr_NoMemory();
    Py_RETURN_NONE;
}

/* The level in a plane, from what is coded and expected. */
static int joined(request *r, const int64_t *low, int64_t *rest, const int64_t *expected, int64_t *plane)
{
    learned_level *l = &r->level;
    int low_rows = (l->rows + 1) / 2, low_columns = (l->columns + 1) / 2;
    int64_t *moved = malloc((size_t)(r->low + r->details)), *spare = malloc((size_t)l->columns * sizeof *spare);
    int64_t *details = moved + r->low / 8, *coded[BANDS];
    int done = moved && spare;
    if (done) {
        memcpy(moved, low, (size_t)r->low);
        for (int64_t i = 0; i < r->details / 8; i++)
            details[i] = rest[i] + expected[i];
        l->low = moved;
        divide(l, details, l->details);
        divide(l, rest, coded);
        for (int b = 0; b < BANDS; b++)
            l->rest[b] = coded[b];
        l->stack = &r->model->refine[r->which];
        done = !l->stack->layers || r->coder->lift(l) == CODED;
    }
    if (done) {
        for (int row = 0; row < low_rows; row++)
            memcpy(plane + (ptrdiff_t)row * l->columns, moved + (ptrdiff_t)row * low_columns,
                   (size_t)low_columns * sizeof *plane);
        join_level(plane, l->columns, l->rows, l->columns, details, spare);
    }
    free(spare);
    free(moved);
    return done;
}

/* (…, low band, what is coded of the details, what is expected of them, plane to be written) */
PyObject *join(PyObject *self, PyObject *args)
{
    PyObject *capsule, *given[4];
    Py_buffer buffers[4];
    const char *name;
    request r = {0};
    learned_level *l = &r.level;
    int count = 0, done = 0;
    (void)self;
    if (!PyArg_ParseTuple(args, "OsiiiLLLLOOOO", &capsule, &name, &r.which, &l->rows, &l->columns, &l->units[0],
                          &l->units[1], &l->units[2], &l->units[3], &given[0], &given[1], &given[2], &given[3])
        || !begin(&r, capsule, name))
        return NULL;
    for (; count < 4; count++) {
        int64_t bytes = count == 0 ? r.low : count < 3 ? r.details : r.low + r.details;
        if (!get(given[count], &buffers[count], count == 3 ? PyBUF_WRITABLE : PyBUF_SIMPLE, bytes, "coefficients"))
            break;
    }
    if (count == 4) {
        Py_BEGIN_ALLOW_THREADS;
        done = joined(&r, buffers[0].buf, buffers[1].buf, buffers[2].buf, buffers[3].buf);
        Py_END_ALLOW_THREADS;
        if (!done)
            PyErr_NoMemory();
    }
    while (count-- > 0)
        PyBuffer_Release(&buffers[count]);
    if (!done)
        return NULL;
    Py_RETURN_NONE;
}
