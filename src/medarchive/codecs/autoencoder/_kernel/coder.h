/* The coder of a plane's coefficients, see reference.py; included once for each instruction set. */
#include "features.h"
#include "head.h"
#include "lifting.h"

#include <math.h>

typedef struct {
    int32_t seen[(MOST_SEEN + 1) / 2][CHUNK], first[WIDEST / 2][CHUNK], second[WIDEST / 2][CHUNK];
    int32_t logits[OUTPUTS][CHUNK];
    int32_t biases[WIDEST]; /* of the first layer, with what all sites of a band share */
    int32_t nothing[OUTPUTS]; /* logits where nothing is seen */
} scratch;

typedef enum { DECODES, ENCODES, QUANTISES } doing;

typedef struct {
    const plane *plane;
    doing doing;
    reader *reader;
    writer *writer;
    outcome fault;
} job;

static INLINE void last_block(const int32_t *inputs, int pairs, const int32_t *weights, const int32_t *biases,
                              int32_t *to, const int vectors)
{
    vec total[UNITS][TOGETHER];
    UNROLL for (int o = 0; o < UNITS; o++)
        UNROLL for (int v = 0; v < vectors; v++)
            total[o][v] = broadcast(biases[o]);
    for (int i = 0; i < pairs; i++, inputs += CHUNK, weights += BLOCK) {
        vec input[TOGETHER];
        UNROLL for (int v = 0; v < vectors; v++)
            input[v] = load(inputs + v * LANES);
        UNROLL for (int o = 0; o < UNITS; o++) {
            vec weight = broadcast(weights[o]);
            UNROLL for (int v = 0; v < vectors; v++)
                total[o][v] = dot(total[o][v], input[v], weight);
        }
    }
    UNROLL for (int o = 0; o < UNITS; o++)
        UNROLL for (int v = 0; v < vectors; v++)
            store(to + o * CHUNK + v * LANES, within(shifted_right(total[o][v], LAST_SHIFT), broadcast(-MOST_LOGIT),
                                                     broadcast(MOST_LOGIT)));
}

static void find_logits(scratch *s, const model *model, const network *n, int sites)
{
    layer(s->seen[0], (n->seen + 1) / 2, n->first_weights, (n->seen + 1) / 2, s->biases, model->first, FIRST_SHIFT,
          s->first[0], sites);
    layer(s->first[0], model->first / 2, n->second_weights, model->first / 2, n->second_biases, model->second,
          SECOND_SHIFT, s->second[0], sites);
    for (int v = 0; v < sites / LANES; v++)
        for (int o = 0; o < OUTPUTS; o += UNITS)
            last_block(s->second[0] + v * LANES, model->second / 2,
                       n->last_weights + (ptrdiff_t)(o / BLOCK) * (model->second / 2) * BLOCK + o % BLOCK,
                       n->last_biases + o, s->logits[o] + v * LANES, 1);
}

static void begin_pass(scratch *s, const model *model, const network *n, const levels *all, int which, int b)
{
    const level *l = &all->levels[which];
    int16_t shared[CONSTANTS] = {0};
    for (int k = 0; k < BANDS; k++)
        shared[k] = (int16_t)(2 * l->activities[(b + k) % BANDS]);
    shared[3] = (int16_t)(which + 1 < all->count ? 2 * l[1].activities[b] : 0);
    shared[4] = (int16_t)(which ? 2 * l[-1].activities[b] : 0);
    shared[5 + (which < COARSE_LEVELS ? which : COARSE_LEVELS - 1)] = UNIT;
    for (int o = 0; o < model->first; o++) {
        s->biases[o] = n->first_biases[o];
        for (int i = 0; i < CONSTANTS; i++)
            s->biases[o] += n->constant_weights[o][i] * shared[i];
    }
    memset(s->seen, 0, sizeof s->seen);
    find_logits(s, model, n, LANES);
    for (int o = 0; o < OUTPUTS; o++)
        s->nothing[o] = s->logits[o][0];
}

static inline int class_of(uint32_t size)
{
    int number = 0;
    for (size -= 1; size; size >>= 1)
        number++;
    return number;
}

#define CHANCE(which) chances[s->logits[which][site] + MOST_LOGIT]

static inline int32_t taken_coefficient(job *j, const scratch *s, int site, const uint16_t *chances)
{
    reader *d = j->reader;
    int negative, number = 0;
    uint32_t size;
    if (!take(d, CHANCE(ANY)))
        return 0;
    negative = take(d, CHANCE(NEGATIVE));
    while (number < LAST_CLASS && take(d, CHANCE(BEYOND + (number < CLASSES ? number : CLASSES - 1))))
        number++;
    size = (uint32_t)number + 1;
    if (number > 1) {
        uint32_t upper = (uint32_t)take(d, CHANCE(UPPER + (number > 2)));
        size = 1 + (1u << (number - 1)) + (upper << (number - 2)) + take_number(d, number - 2);
    }
    return negative ? -(int32_t)size : (int32_t)size;
}

static inline void put_coefficient(job *j, const scratch *s, int site, int32_t value, const uint16_t *chances)
{
    writer *e = j->writer;
    uint32_t size = value < 0 ? 0u - (uint32_t)value : (uint32_t)value;
    int number;
    put(e, value != 0, CHANCE(ANY));
    if (!value)
        return;
    if (size > MOST_SIZE) {
        j->fault = BEYOND_BOUNDS;
        return;
    }
    put(e, value < 0, CHANCE(NEGATIVE));
    number = class_of(size);
    for (int step = 0; step < number + 1 && step < LAST_CLASS; step++)
        put(e, number > step, CHANCE(BEYOND + (step < CLASSES ? step : CLASSES - 1)));
    if (number > 1) {
        uint32_t inside = size - 1 - (1u << (number - 1));
        put(e, (int)(inside >> (number - 2)), CHANCE(UPPER + (number > 2)));
        put_number(e, inside & ((1u << (number - 2)) - 1), number - 2);
    }
}

/* Bits of a coefficient, see rate.py. */
static float bits_of(const scratch *s, int site, int32_t size, int negative, const float *costs)
{
#define BIT(which, answer) costs[MOST_LOGIT + ((answer) ? -s->logits[which][site] : s->logits[which][site])]
    float cost = BIT(ANY, size != 0);
    int number;
    if (!size)
        return cost;
    cost += BIT(NEGATIVE, negative);
    number = class_of((uint32_t)size);
    for (int step = 0; step <= number && step < LAST_CLASS; step++)
        cost += BIT(BEYOND + (step < CLASSES ? step : CLASSES - 1), number > step);
    if (number > 1)
        cost += BIT(UPPER + (number > 2), (size - 1 - (1 << (number - 1))) >> (number - 2)) + (float)(number - 2);
    return cost;
#undef BIT
}

static inline int32_t chosen(const plane *plane, const scratch *s, int site, float scaled)
{
    const float *costs = plane->model->costs;
    float size = fabsf(scaled), least, cost, missed;
    int negative = scaled < 0;
    int32_t found = 0, nearest;
    if (!(size > 0.35f))
        return 0;
    nearest = (int32_t)floorf((size < MOST_SIZE ? size : MOST_SIZE) + 0.5f);
    least = size * size + plane->price * bits_of(s, site, 0, negative, costs);
    for (int32_t candidate = nearest > 2 ? nearest - 1 : 1; candidate <= (nearest > 1 ? nearest : 1); candidate++) {
        missed = size - (float)candidate + plane->inward;
        cost = missed * missed + plane->price * bits_of(s, site, candidate, negative, costs);
        if (cost < least) {
            least = cost;
            found = candidate;
        }
    }
    return negative ? -found : found;
}

/* The places of a pass's values in the raster of their band, once all of them are known. */
static void spread_part(const level *l, const band *band, int pass)
{
    int top = PASS[pass].down, left = PASS[pass].right;
    const int16_t *part = band->parts[top][left];
    for (int row = 0; row < (band->rows - top + 1) / 2; row++)
        for (int column = 0; column < (band->columns - left + 1) / 2; column++)
            band->raster[(2 * row + top) * l->stride + 2 * column + left] = part[row * l->part_stride + column];
}

/* A pass over a band whose values stay as they are. */
static void show_pass(const level *l, const band *band, int pass)
{
    int top = PASS[pass].down, left = PASS[pass].right;
    int16_t *part = band->parts[top][left];
    for (int row = 0; row < (band->rows - top + 1) / 2; row++)
        for (int column = 0; column < (band->columns - left + 1) / 2; column++)
            part[row * l->part_stride + column]
                = look_of(band->values[(ptrdiff_t)(2 * row + top) * band->columns + 2 * column + left]);
    spread_part(l, band, pass);
}

/* One pass over a band. */
static int do_pass(job *j, scratch *s, levels *all, int which, int b, int pass)
{
    const model *model = j->plane->model;
    const network *n = &model->networks[b * PASSES + pass];
    level *l = &all->levels[which];
    band *band = &l->bands[b];
    int top = PASS[pass].down, left = PASS[pass].right;
    int rows = (band->rows - top + 1) / 2, columns = (band->columns - left + 1) / 2;
    view v = view_of(all, which, b, pass);
    int16_t *part = band->parts[top][left];
    begin_pass(s, model, n, all, which, b);
    for (int row = 0; row < rows; row++)
        for (int column = 0; column < columns; column += CHUNK) {
            int sites = columns - column < CHUNK ? columns - column : CHUNK;
            int whole = (sites + LANES - 1) / LANES * LANES;
            ptrdiff_t at = (ptrdiff_t)(2 * row + top) * band->columns + 2 * column + left;
            if (find_features(&v, row, column, whole, s->seen))
                find_logits(s, model, n, whole);
            else
                for (int o = 0; o < OUTPUTS; o++)
                    for (int site = 0; site < sites; site++)
                        s->logits[o][site] = s->nothing[o];
            if (j->doing == ENCODES && !writer_room(j->writer, (size_t)sites * 2 * (LAST_CLASS + 2)))
                return 0;
            for (int site = 0; site < sites; site++, at += 2) {
                int32_t *value = &band->values[at];
                if (j->doing == DECODES)
                    *value = taken_coefficient(j, s, site, model->chances);
                else if (j->doing == ENCODES)
                    put_coefficient(j, s, site, *value, model->chances);
                else
                    *value = chosen(j->plane, s, site, band->scaled[at]);
                part[row * l->part_stride + column + site] = look_of(*value);
            }
        }
    spread_part(l, band, pass); /* the squares of this pass must not have seen it */
    return 1;
}

static outcome run(job *j, levels *all)
{
    scratch *s = malloc(sizeof *s);
    if (!s)
        return NO_MEMORY;
    for (int which = all->count - 1; which >= (j->doing == QUANTISES ? j->plane->finest : 0); which--)
        for (int b = 0; b < BANDS; b++)
            for (int pass = 0; pass < PASSES && all->levels[which].activities[b]; pass++) {
                if (j->doing == QUANTISES && which > j->plane->coarsest)
                    show_pass(&all->levels[which], &all->levels[which].bands[b], pass);
                else if (!do_pass(j, s, all, which, b, pass))
                    j->fault = NO_MEMORY;
                if (j->fault != CODED || (j->doing == DECODES && j->reader->early)) {
                    free(s);
                    return j->fault != CODED ? j->fault : ENDS_EARLY;
                }
            }
    free(s);
    return CODED;
}

static outcome decode(const plane *plane, const uint8_t *data, size_t length)
{
    levels all;
    reader d;
    job j = {plane, DECODES, &d, NULL, CODED};
    outcome result = reader_begin(&d, data, length);
    if (result != CODED)
        return result;
    result = levels_begin(&all, plane);
    if (result == CODED)
        result = take_head(&d, &all);
    if (result == CODED)
        result = run(&j, &all);
    levels_end(&all);
    return result == CODED ? reader_finish(&d) : result;
}

static outcome encode(const plane *plane, uint8_t **data, size_t *length)
{
    levels all;
    writer e = {NULL, 0, 0};
    job j = {plane, ENCODES, NULL, &e, CODED};
    outcome result = levels_begin(&all, plane);
    if (result == CODED) {
        find_activities(&all);
        result = put_head(&e, &all) ? run(&j, &all) : NO_MEMORY;
    }
    if (result == CODED)
        result = written(&e, data, length);
    free(e.decisions);
    levels_end(&all);
    return result;
}

static outcome quantise(const plane *plane)
{
    levels all;
    job j = {plane, QUANTISES, NULL, NULL, CODED};
    outcome result = levels_begin(&all, plane);
    if (result == CODED) {
        find_activities(&all);
        result = run(&j, &all);
    }
    levels_end(&all);
    return result;
}
