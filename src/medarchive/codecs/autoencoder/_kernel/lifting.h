/* A learned level's networks, see lifting.py; included once for each instruction set.
 *
 * Rows run through the layers one behind the other: of each hidden layer the last KEPT rows are there, which is what the
 * next one sees. Values of two units share 32 bits.
 */
#include "layers.h"
#include "lifting_model.h"

enum { KEPT = 4 /* rows of a hidden layer, a power of 2 that is not less than 3 */, EDGE = 2, HIDDEN = NET_LAYERS - 1 };

typedef struct {
    int rows, columns;    /* of the low band */
    ptrdiff_t stride;     /* from row to row: EDGE values left of it, and room for whole vectors and EDGE right of it */
    int32_t *low;         /* in 1/16 of a step, with EDGE rows above and below, the outermost values repeated */
    int32_t *bands[2 * BANDS]; /* the details and what was coded of them */
    int32_t *seen[(NET_SEEN + 1) / 2]; /* a row of pairs */
    int32_t *hidden[HIDDEN];           /* [pair][KEPT] rows */
    int32_t *out[BLOCK];               /* a row */
    int32_t *zeros;
} field;

/* Values of a band in 1/16 of a step, with the outermost ones repeated; where a band has no row or column there is 0. */
static void take_band(const field *f, const int64_t *from, int rows, int columns, int64_t unit, int32_t most, int32_t *to)
{
    const int64_t reciprocal = ((1LL << RECIPROCAL) + unit / 2) / unit;
    for (int row = 0; row < rows; row++) {
        const int64_t *values = from + (ptrdiff_t)row * columns;
        int32_t *at = to + row * f->stride;
        INDEPENDENT for (int i = 0; i < columns; i++) {
            int64_t value = values[i] > INT32_MAX ? INT32_MAX : values[i] < -INT32_MAX ? -INT32_MAX : values[i];
            value = (value * reciprocal + (1LL << (RECIPROCAL - 5))) >> (RECIPROCAL - 4);
            at[i] = (int32_t)(value > most ? most : value < -most ? -most : value);
        }
    }
    for (int row = 0; row < f->rows; row++)
        for (int i = 1; i <= EDGE; i++) {
            to[row * f->stride - i] = to[row * f->stride];
            to[row * f->stride + f->columns - 1 + i] = to[row * f->stride + f->columns - 1];
        }
    for (int i = 1; i <= EDGE; i++) {
        memcpy(to - i * f->stride - EDGE, to - EDGE, (size_t)f->stride * sizeof *to);
        memcpy(to + (f->rows - 1 + i) * f->stride - EDGE, to + (f->rows - 1) * f->stride - EDGE,
               (size_t)f->stride * sizeof *to);
    }
}

/* Input number `which` at column 0 of a row, and what it is taken less of. */
static const int32_t *input(const field *f, int which, int row, const int32_t **less_than)
{
    ptrdiff_t at = row * f->stride;
    *less_than = f->zeros;
    if (which < AROUND) {
        int place = which + (which >= AROUND / 2);
        *less_than = f->low + at;
        return f->low + at + (place / 5 - 2) * f->stride + place % 5 - 2;
    }
    which -= AROUND;
    if (which < BESIDES)
        return f->bands[which / 9] + at + (which % 9 / 3 - 1) * f->stride + which % 3 - 1;
    return f->bands[BANDS + which - BESIDES] + at;
}

static inline int32_t clipped(int32_t x) { return x > MOST_INPUT ? MOST_INPUT : x < -MOST_INPUT ? -MOST_INPUT : x; }

static void see(const field *f, int seen, int row)
{
    for (int pair = 0; pair < (seen + 1) / 2; pair++) {
        const int32_t *below, *above;
        const int32_t *one = input(f, 2 * pair, row, &below);
        const int32_t *other = input(f, 2 * pair + 1, row, &above);
        int32_t *to = f->seen[pair];
        INDEPENDENT for (int i = 0; i < f->columns; i++) {
            uint32_t low = (uint32_t)clipped(one[i] - below[i]), high = (uint32_t)clipped(other[i] - above[i]);
            to[i] = (int32_t)((low & 0xFFFF) | high << 16);
        }
    }
}

/* UNITS outputs of a row from where the inputs lie. */
static INLINE void row_block(const int32_t *const *inputs, int pairs, ptrdiff_t column, const int32_t *weights,
                             const int32_t *biases, int shift, int32_t *const *to, int outputs, int is_last,
                             const int vectors)
{
    vec total[UNITS][TOGETHER];
    UNROLL for (int o = 0; o < UNITS; o++)
        UNROLL for (int v = 0; v < vectors; v++)
            total[o][v] = broadcast(biases[o]);
    for (int i = 0; i < pairs; i++, weights += BLOCK) {
        const int32_t *from = inputs[i] + column;
        vec in[TOGETHER];
        UNROLL for (int v = 0; v < vectors; v++)
            in[v] = load(from + v * LANES);
        UNROLL for (int o = 0; o < UNITS; o++) {
            vec weight = broadcast(weights[o]);
            UNROLL for (int v = 0; v < vectors; v++)
                total[o][v] = dot(total[o][v], in[v], weight);
        }
    }
    if (is_last) {
        UNROLL for (int o = 0; o < UNITS; o++)
            UNROLL for (int v = 0; v < vectors; v++)
                if (o < outputs)
                    store(to[o] + column + v * LANES, within(shifted_right(total[o][v], shift),
                                                             broadcast(-MOST_CHANGE), broadcast(MOST_CHANGE)));
        return;
    }
    UNROLL for (int o = 0; o < UNITS; o += 2)
        UNROLL for (int v = 0; v < vectors; v++) {
            vec low = active(shifted_right(total[o][v], shift)), high = active(shifted_right(total[o + 1][v], shift));
            store(to[o / 2] + column + v * LANES, paired(low, high));
        }
}

/* A row of a layer: `to` are rows of pairs, or of outputs where it is the last one. */
static void row_layer(const int32_t *const *inputs, int pairs, int columns, const int32_t *weights,
                      const int32_t *biases, int outputs, int shift, int32_t *const *to, int is_last)
{
    int count = (columns + LANES - 1) / LANES;
    for (int v = 0; v < count; v += TOGETHER)
        for (int o = 0; o < outputs; o += UNITS) {
            const int32_t *weight = weights + (ptrdiff_t)(o / BLOCK) * pairs * BLOCK + o % BLOCK;
            int32_t *const *at = to + (is_last ? o : o / 2);
            if (TOGETHER == 1 || count - v == 1)
                row_block(inputs, pairs, v * LANES, weight, biases + o, shift, at, outputs - o, is_last, 1);
            else if (count - v == 2)
                row_block(inputs, pairs, v * LANES, weight, biases + o, shift, at, outputs - o, is_last,
                          TOGETHER < 2 ? TOGETHER : 2);
            else
                row_block(inputs, pairs, v * LANES, weight, biases + o, shift, at, outputs - o, is_last, TOGETHER);
        }
}

static int32_t *kept(const field *f, int layer, int pair, int row)
{
    row = row < 0 ? 0 : row >= f->rows ? f->rows - 1 : row;
    return f->hidden[layer] + ((ptrdiff_t)pair * KEPT + (row & (KEPT - 1))) * f->stride;
}

/* Row `row` of hidden layer `layer`. */
static void hidden_row(const field *f, const stack *s, int layer, int row)
{
    const int32_t *inputs[9 * NET_WIDEST / 2];
    int32_t *to[NET_WIDEST / 2];
    int pairs = 0, half = s->width / 2;
    if (layer == 0) {
        see(f, s->seen, row);
        for (; pairs < (s->seen + 1) / 2; pairs++)
            inputs[pairs] = f->seen[pairs];
    } else {
        for (int place = 0; place < 9; place++)
            for (int pair = 0; pair < half; pair++)
                inputs[pairs++] = kept(f, layer - 1, pair, row + place / 3 - 1) + place % 3 - 1;
    }
    for (int pair = 0; pair < half; pair++)
        to[pair] = kept(f, layer, pair, row);
    row_layer(inputs, pairs, f->columns, s->weights[layer], s->biases[layer], s->width,
              layer ? NET_SHIFT : NET_FIRST_SHIFT, to, 0);
    for (int pair = 0; pair < half; pair++) {
        to[pair][-1] = to[pair][0];
        to[pair][f->columns] = to[pair][f->columns - 1];
    }
}

static void last_row(const field *f, const stack *s, int row)
{
    const int32_t *inputs[NET_WIDEST / 2];
    int layer = s->layers - 1;
    for (int pair = 0; pair < s->width / 2; pair++)
        inputs[pair] = kept(f, layer - 1, pair, row);
    row_layer(inputs, s->width / 2, f->columns, s->weights[layer], s->biases[layer], s->outputs, NET_SHIFT, f->out, 1);
}

static void change(int64_t *restrict to, const int32_t *restrict by, int columns, int64_t unit, int adds)
{
    INDEPENDENT for (int i = 0; i < columns; i++)
        to[i] = (adds ? to[i] : 0) + ((by[i] * unit + (1 << 7)) >> 8);
}

static void changed_row(const field *f, const learned_level *l, int row)
{
    int refines = l->stack->outputs == REFINED;
    if (refines)
        change(l->low + (ptrdiff_t)row * f->columns, f->out[0], f->columns, l->units[0], 1);
    for (int b = 0; b < BANDS; b++) {
        int columns = b == 1 ? f->columns : l->columns / 2;
        if (row < (b == 0 ? f->rows : l->rows / 2))
            change(l->details[b] + (ptrdiff_t)row * columns, f->out[refines + b], columns, l->units[1 + b], refines);
    }
}

static int field_begin(field *f, const learned_level *l)
{
    ptrdiff_t plane;
    size_t size;
    int32_t *at;
    f->rows = (l->rows + 1) / 2;
    f->columns = (l->columns + 1) / 2;
    f->stride = EDGE + (f->columns + LANES - 1) / LANES * LANES + EDGE + LANES;
    plane = (f->rows + 2 * EDGE) * f->stride;
    size = (size_t)(7 * plane + ((NET_SEEN + 1) / 2 + HIDDEN * (NET_WIDEST / 2) * KEPT + BLOCK + 2) * f->stride);
    at = calloc(size, sizeof *at);
    f->zeros = at; /* begins what is to be freed */
    if (!at)
        return 0;
    at += f->stride;
    f->low = at + EDGE * f->stride + EDGE, at += plane;
    for (int i = 0; i < 2 * BANDS; i++, at += plane)
        f->bands[i] = at + EDGE * f->stride + EDGE;
    for (int i = 0; i < (NET_SEEN + 1) / 2; i++, at += f->stride)
        f->seen[i] = at;
    for (int i = 0; i < HIDDEN; i++, at += NET_WIDEST / 2 * KEPT * f->stride)
        f->hidden[i] = at + EDGE;
    for (int i = 0; i < BLOCK; i++, at += f->stride)
        f->out[i] = at;
    return 1;
}

static outcome lift(const learned_level *l)
{
    const stack *s = l->stack;
    field f;
    if (!field_begin(&f, l))
        return NO_MEMORY;
    take_band(&f, l->low, f.rows, f.columns, l->units[0], MOST_LOW_STEPS, f.low);
    for (int b = 0; b < BANDS && s->outputs == REFINED; b++) {
        int rows = b == 0 ? f.rows : l->rows / 2, columns = b == 1 ? f.columns : l->columns / 2;
        take_band(&f, l->details[b], rows, columns, l->units[1 + b], MOST_INPUT, f.bands[b]);
        take_band(&f, l->rest[b], rows, columns, l->units[1 + b], MOST_INPUT, f.bands[BANDS + b]);
    }
    for (int row = 0; row < f.rows + s->layers - 2; row++) {
        for (int layer = 0; layer < s->layers - 1; layer++)
            if (row - layer >= 0 && row - layer < f.rows)
                hidden_row(&f, s, layer, row - layer);
        if (row - (s->layers - 2) >= 0) {
            last_row(&f, s, row - (s->layers - 2));
            changed_row(&f, l, row - (s->layers - 2));
        }
    }
    free(f.zeros);
    return CODED;
}
