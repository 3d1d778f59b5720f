/* Vectors of 32-bit lanes, one pixel each, for the sums of the network: AVX-512, AVX2, or plain C.
 *
 * dot(sum, a, b) adds to each lane a.low * b.low + a.high * b.high of the pairs of 16-bit integers that a and b hold.
 * A layer keeps the sums of UNITS outputs of TOGETHER vectors in registers.
 * picked(table, index) are entries of a table of 16-bit integers; two bytes behind the last one may be read, too.
 * sums(a, b, c, d, to) adds up the lanes of four vectors.
 */
#ifndef MEDARCHIVE_VECTORS_H
#define MEDARCHIVE_VECTORS_H

#include <stdint.h>
#include <string.h>

#include "compiler.h"

#if defined(KERNEL_AVX512)

typedef __m512i vec;
enum { LANES = 16, TOGETHER = 3, UNITS = 8 };
#define load(from) _mm512_loadu_si512(from)
#define store(to, x) _mm512_storeu_si512(to, x)
#define broadcast(x) _mm512_set1_epi32(x)
#define add(a, b) _mm512_add_epi32(a, b)
#define less(a, b) _mm512_sub_epi32(a, b)
#define times(a, b) _mm512_mullo_epi32(a, b)
#define within(x, low, high) _mm512_min_epi32(_mm512_max_epi32(x, low), high)
#define shifted_right_each(x, by) _mm512_srav_epi32(x, by)
#define picked(table, index) _mm512_and_si512(_mm512_i32gather_epi32(index, table, 2), _mm512_set1_epi32(0xFFFF))
#define shifted_right(x, by) _mm512_sra_epi32(x, _mm_cvtsi32_si128(by))
#define paired(a, b) _mm512_or_si512(a, _mm512_slli_epi32(b, 16)) /* of numbers from 0 on */
#if defined(KERNEL_VNNI)
/* In assembly, because GCC copies every sum around its intrinsic, and then runs out of registers. */
static INLINE vec dot(vec sum, vec a, vec b)
{
    __asm__("vpdpwssd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
    return sum;
}
#else
#define dot(sum, a, b) _mm512_add_epi32(sum, _mm512_madd_epi16(a, b))
#endif

static inline void sums(vec a, vec b, vec c, vec d, int32_t *to)
{
    vec ab = add(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    vec cd = add(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
    vec all = add(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
    __m256i half = _mm256_add_epi32(_mm512_castsi512_si256(all), _mm512_extracti64x4_epi64(all, 1));
    __m128i quarter = _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
    _mm_storeu_si128((__m128i *)to, quarter);
}

#elif defined(KERNEL_AVX2)

typedef __m256i vec;
enum { LANES = 8, TOGETHER = 3, UNITS = 4 };
#define load(from) _mm256_loadu_si256((const __m256i *)(from))
#define store(to, x) _mm256_storeu_si256((__m256i *)(to), x)
#define broadcast(x) _mm256_set1_epi32(x)
#define add(a, b) _mm256_add_epi32(a, b)
#define less(a, b) _mm256_sub_epi32(a, b)
#define times(a, b) _mm256_mullo_epi32(a, b)
#define within(x, low, high) _mm256_min_epi32(_mm256_max_epi32(x, low), high)
#define shifted_right_each(x, by) _mm256_srav_epi32(x, by)
#define picked(table, index) \
    _mm256_and_si256(_mm256_i32gather_epi32((const int *)(table), index, 2), _mm256_set1_epi32(0xFFFF))
#define shifted_right(x, by) _mm256_sra_epi32(x, _mm_cvtsi32_si128(by))
#define paired(a, b) _mm256_or_si256(a, _mm256_slli_epi32(b, 16))
#define dot(sum, a, b) _mm256_add_epi32(sum, _mm256_madd_epi16(a, b))

static inline void sums(vec a, vec b, vec c, vec d, int32_t *to)
{
    vec all = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
    __m128i half = _mm_add_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
    _mm_storeu_si128((__m128i *)to, half);
}

#else

#if defined(__GNUC__)
typedef int32_t vec __attribute__((vector_size(16)));
enum { LANES = 4, TOGETHER = 1, UNITS = 8 };
#define lane(x, i) (x)[i]
#define mask(truth) ((vec)(truth))
static inline vec broadcast(int32_t x) { return (vec){x, x, x, x}; }
#else
typedef int32_t vec;
enum { LANES = 1, TOGETHER = 1, UNITS = 8 };
#define lane(x, i) (x)
#define mask(truth) (-(truth))
static inline vec broadcast(int32_t x) { return x; }
#endif

static inline vec load(const int32_t *from)
{
    vec x;
    memcpy(&x, from, sizeof x);
    return x;
}

static inline void store(int32_t *to, vec x) { memcpy(to, &x, sizeof x); }

static inline vec add(vec a, vec b) { return a + b; }

static inline vec less(vec a, vec b) { return a - b; }

static inline vec times(vec a, vec b) { return a * b; }

static inline vec shifted_right_each(vec x, vec by) { return x >> by; }

static inline vec picked(const uint16_t *table, vec index)
{
    vec found = index;
    for (int i = 0; i < LANES; i++)
        lane(found, i) = table[lane(index, i)];
    return found;
}

static inline vec within(vec x, vec low, vec high)
{
    vec under = mask(x < low), over = mask(x > high);
    return (x & ~(under | over)) | (low & under) | (high & over);
}

static inline vec shifted_right(vec x, int by) { return x >> by; }

static inline vec paired(vec a, vec b) { return a | b << 16; }

static inline vec dot(vec sum, vec a, vec b)
{
    return sum + (a << 16 >> 16) * (b << 16 >> 16) + (a >> 16) * (b >> 16);
}

static inline void sums(vec a, vec b, vec c, vec d, int32_t *to)
{
    memset(to, 0, 4 * sizeof *to);
    for (int i = 0; i < LANES; i++) {
        to[0] += lane(a, i);
        to[1] += lane(b, i);
        to[2] += lane(c, i);
        to[3] += lane(d, i);
    }
}

#endif

#endif
