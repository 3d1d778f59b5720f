/* Adaptation of the last layer, see adaptation.py. */
#ifndef MEDARCHIVE_ADAPTATION_H
#define MEDARCHIVE_ADAPTATION_H

#include "distribution.h"
#include "network.h"

static int32_t pair_of(int32_t low, int32_t high) { return (int32_t)(((uint32_t)low & 0xFFFF) | (uint32_t)high << 16); }

/* The last layer's weights as find_outputs reads them; those of features count 16 times. */
static void pack_last(scratch *s, const model *model, int feature_pairs)
{
    int hidden = model->second_padded, inputs = hidden + 2 * feature_pairs;
    for (int o = 0; o < OUTPUTS; o++) {
        const int32_t *fine = s->fine[o];
        for (int i = 0; i < hidden; i += 2)
            s->last[i / 2][o] = pair_of(fine[i] >> FINE, fine[i + 1] >> FINE);
        for (int i = hidden; i < inputs; i += 2)
            s->last[i / 2][o] = pair_of(16 * (fine[i] >> FINE), 16 * (fine[i + 1] >> FINE));
    }
}

static void last_begin(scratch *s, const tile *tile)
{
    const model *model = tile->model;
    for (int o = 0; o < OUTPUTS; o++) {
        const int32_t *from = tile->fine + (ptrdiff_t)o * (model->second + COUNT + 1);
        memcpy(s->fine[o], from, sizeof *from * model->second);
        memcpy(s->fine[o] + model->second_padded, from + model->second, sizeof *from * COUNT);
        s->bias[o] = from[model->second + COUNT];
    }
    pack_last(s, model, FEATURE_PAIRS);
}

static void last_finish(const scratch *s, const tile *tile)
{
    const model *model = tile->model;
    for (int o = 0; o < OUTPUTS; o++) {
        int32_t *to = tile->fine + (ptrdiff_t)o * (model->second + COUNT + 1);
        memcpy(to, s->fine[o], sizeof *to * model->second);
        memcpy(to + model->second, s->fine[o] + model->second_padded, sizeof *to * COUNT);
        to[model->second + COUNT] = s->bias[o];
    }
}

static inline int32_t table_index(int32_t sixteenths, int32_t steep, int32_t shift)
{
    int32_t index = ((sixteenths * steep) >> (5 + shift)) + CENTRE;
    return CLIP(index, 0, SPAN - 1);
}

/* From indices in the pixels' tables to what lies there; behind the last table lies more of the model. */
static void look_up(int32_t *index, const int32_t *shape, const model *model, int pixels)
{
    for (int p = 0; p < pixels; p += LANES) {
        vec at = add(times(load(shape + p), broadcast(SPAN)), load(index + p));
        store(index + p, picked(model->tables[0], at));
    }
}

/* 64 times the binary logarithm of 1 to 65,536 */
static inline int32_t logarithm(int32_t count)
{
    union {
        float number;
        int32_t bits;
    } as = {(float)count};
    int32_t exponent = (as.bits >> 23) - 127;
    return 64 * exponent + LOGARITHMS[((count << 6) >> exponent) - 64];
}


/* Gradients of the location. */
static void find_pull(scratch *s, const model *model)
{
    const int32_t *restrict here = s->here, *restrict centre = s->centre, *restrict steep = s->steep;
    const int32_t *restrict octaves = s->octaves, *restrict spread = s->spread;
    int32_t *restrict share = s->upper;
    int32_t *restrict low = s->moves[0][0], *restrict high = s->moves[0][1];
    int pixels = s->pixels;
    EACH(p) share[p] = table_index(16 * here[p] - centre[p], steep[p], octaves[p]);
    look_up(share, s->shape, model, pixels);
    EACH(p) {
        int32_t pull = (2 * share[p] - 65535) >> 8, octave = spread[p] >> 3;
        pull = octave < 0 ? pull << -octave : pull >> octave;
        pull = CLIP(pull, -STEEPEST, STEEPEST);
        low[p] = pair_of(pull, 0);
        high[p] = pair_of(0, pull);
    }
}

/* Counts that the pixels' intervals would have with another spread, in s->upper. */
static void find_counts(scratch *s, const model *model, int32_t highest, int32_t aside)
{
    const int32_t *restrict here = s->here, *restrict middle = s->middle, *restrict edge = s->edge;
    const int32_t *restrict low_bits = s->low_bits, *restrict scale = s->scale, *restrict spread = s->spread;
    const int32_t *steep = STEEP[0];
    int32_t *restrict lower = s->lower, *restrict upper = s->upper;
    int pixels = s->pixels;
    EACH(p) {
        int32_t other = spread[p] + aside, half = (1 << low_bits[p]) >> 1;
        int32_t number = (here[p] - middle[p] + half) >> low_bits[p];
        int32_t low = (number << (low_bits[p] + 4)) + edge[p], high = low + (16 << low_bits[p]);
        int32_t bounded = CLIP(other, LEAST_SPREAD, MOST_SPREAD);
        int32_t steepness = steep[8 * (scale[p] & 3) + (bounded & 7)], shift = (scale[p] >> 2) + (bounded >> 3);
        lower[p] = table_index(low, steepness, shift);
        upper[p] = table_index(high, steepness, shift);
    }
    look_up(lower, s->shape, model, pixels);
    look_up(upper, s->shape, model, pixels);
    EACH(p) {
        int32_t above = here[p] == highest ? 65535 : upper[p], under = here[p] == 0 ? 0 : lower[p];
        upper[p] = (above > under ? above - under : 0) + 1;
    }
}

/* Gradients of the spread. */
static void find_widen(scratch *s, const model *model, int32_t highest)
{
    int32_t *restrict narrower = s->cost, *restrict wider = s->upper;
    int32_t *restrict low = s->moves[1][0], *restrict high = s->moves[1][1];
    int pixels = s->pixels;
    find_counts(s, model, highest, -ASIDE);
    EACH(p) narrower[p] = logarithm(wider[p]);
    find_counts(s, model, highest, ASIDE);
    EACH(p) {
        int32_t widen = 5 * (logarithm(wider[p]) - narrower[p]);
        widen = CLIP(widen, -STEEPEST / 2, STEEPEST);
        low[p] = pair_of(widen, 0);
        high[p] = pair_of(0, widen);
    }
}

/* Sums over a step's pixels of gradient times input; `inputs` are those of the first chunk. */
static void find_gradients(scratch *s, const int32_t *inputs, int pairs, int first, int32_t times)
{
    enum { NEXT = sizeof(chunk) / sizeof(int32_t) };
    for (int i = 0; i < pairs; i++, inputs += CHUNK) {
        vec pull_low = broadcast(0), pull_high = pull_low, widen_low = pull_low, widen_high = pull_low;
        int32_t sum[4];
        const int32_t *from = inputs;
        for (int at = 0; at < s->pixels; at += CHUNK, from += NEXT)
            for (int p = at, end = at + pixels_of_chunk(s, at); p < end; p += LANES) {
                vec input = load(from + p - at);
                pull_low = dot(pull_low, input, load(s->moves[0][0] + p));
                pull_high = dot(pull_high, input, load(s->moves[0][1] + p));
                widen_low = dot(widen_low, input, load(s->moves[1][0] + p));
                widen_high = dot(widen_high, input, load(s->moves[1][1] + p));
            }
        sums(pull_low, pull_high, widen_low, widen_high, sum);
        s->gradient[0][first + 2 * i] = times * sum[0];
        s->gradient[0][first + 2 * i + 1] = times * sum[1];
        s->gradient[1][first + 2 * i] = times * sum[2];
        s->gradient[1][first + 2 * i + 1] = times * sum[3];
    }
}

static inline int32_t moved(int32_t fine, int32_t sum, int32_t rate)
{
    int32_t there = fine + ((sum + (1 << (rate - 1))) >> rate);
    return CLIP(there, -MOST_FINE, MOST_FINE);
}

/* Adaptation.learn */
static void learn(scratch *s, const model *model, int feature_pairs, int32_t highest)
{
    int count = s->count, hidden = model->second_padded, inputs = hidden + 2 * feature_pairs;
    find_pull(s, model);
    find_widen(s, model, highest);
    for (int o = 0; o < LEARNING; o++)
        for (int p = count; p < s->pixels; p++)
            s->moves[o][0][p] = s->moves[o][1][p] = 0;
    find_gradients(s, s->chunks[0].second[0], hidden / 2, 0, 1);
    find_gradients(s, s->chunks[0].seen[0], feature_pairs, hidden, 16);
    for (int o = 0; o < LEARNING; o++) {
        const int32_t *restrict gradient = s->gradient[o], *restrict rates = model->rates[o];
        int32_t *restrict fine = s->fine[o], sum = 0;
        for (int i = 0; i < inputs; i++)
            fine[i] = moved(fine[i], gradient[i], rates[i]);
        for (int p = 0; p < count; p++)
            sum += s->moves[o][0][p] << 16 >> 16;
        s->bias[o] = moved(s->bias[o], ONE * sum, model->bias_rates[o]);
    }
    pack_last(s, model, feature_pairs);
}

#endif
