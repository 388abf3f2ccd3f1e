// The operations of a GPT with the layout of Qwen3, for WebAssembly with 128-bit SIMD.
//
// kernel_fallback.js has the same functions in JavaScript; network.js calls either. All matrices
// are row-major, all pointers offsets into one memory. T tokens, H heads, K heads of keys and
// values, D head width. Built by `make kernel`.

#include <stdint.h>
#include <wasm_simd128.h>

#define EXPORT(name) __attribute__((export_name(#name)))
#define LANES 4       // floats in a vector
#define AT_ONCE 4     // rows, or tokens, that share what is read

// ---------------------------------------------------------------- vectors
static inline v128_t load(const float *x) { return wasm_v128_load(x); }

static inline v128_t add(v128_t a, v128_t b) { return wasm_f32x4_add(a, b); }

static inline v128_t multiply(v128_t a, v128_t b) { return wasm_f32x4_mul(a, b); }

static inline float sum_of(v128_t x) {
  return (wasm_f32x4_extract_lane(x, 0) + wasm_f32x4_extract_lane(x, 1)) +
         (wasm_f32x4_extract_lane(x, 2) + wasm_f32x4_extract_lane(x, 3));
}

// Widen 16 int8 to four vectors of floats.
static inline void widen(const int8_t *w, v128_t wide[4]) {
  v128_t bytes = wasm_v128_load(w);
  v128_t low = wasm_i16x8_extend_low_i8x16(bytes), high = wasm_i16x8_extend_high_i8x16(bytes);
  wide[0] = wasm_f32x4_convert_i32x4(wasm_i32x4_extend_low_i16x8(low));
  wide[1] = wasm_f32x4_convert_i32x4(wasm_i32x4_extend_high_i16x8(low));
  wide[2] = wasm_f32x4_convert_i32x4(wasm_i32x4_extend_low_i16x8(high));
  wide[3] = wasm_f32x4_convert_i32x4(wasm_i32x4_extend_high_i16x8(high));
}

// e^x with a relative error of 2e-7 (the polynomial of Cephes); x is limited to [-87, 88].
static inline v128_t exponential(v128_t x) {
  x = wasm_f32x4_min(wasm_f32x4_max(x, wasm_f32x4_splat(-87.0f)), wasm_f32x4_splat(88.0f));
  v128_t n = wasm_f32x4_nearest(multiply(x, wasm_f32x4_splat(1.44269504f)));
  v128_t r = wasm_f32x4_sub(x, multiply(n, wasm_f32x4_splat(0.693359375f)));
  r = wasm_f32x4_sub(r, multiply(n, wasm_f32x4_splat(-2.12194440e-4f)));
  v128_t y = wasm_f32x4_splat(1.9875691500e-4f);
  y = add(multiply(y, r), wasm_f32x4_splat(1.3981999507e-3f));
  y = add(multiply(y, r), wasm_f32x4_splat(8.3334519073e-3f));
  y = add(multiply(y, r), wasm_f32x4_splat(4.1665795894e-2f));
  y = add(multiply(y, r), wasm_f32x4_splat(1.6666665459e-1f));
  y = add(multiply(y, r), wasm_f32x4_splat(5.0000001201e-1f));
  y = add(multiply(y, multiply(r, r)), add(r, wasm_f32x4_splat(1.0f)));
  v128_t bits = wasm_i32x4_add(wasm_i32x4_trunc_sat_f32x4(n), wasm_i32x4_splat(127));
  return multiply(y, wasm_i32x4_shl(bits, 23));
}

static inline float dot(const float *a, const float *b, int n) {
  v128_t total = wasm_f32x4_splat(0.0f);
  int i = 0;
  for (; i + LANES <= n; i += LANES) total = add(total, multiply(load(a + i), load(b + i)));
  float sum = sum_of(total);
  for (; i < n; i++) sum += a[i] * b[i];
  return sum;
}

// ---------------------------------------------------------------- products
// Several rows for one token: x is read once for all of them.
static inline void rows_int8(float *out, const float *x, const int8_t *w, const float *scale,
                             int n_rows, int n_in) {
  v128_t total[AT_ONCE], wide[4];
  for (int r = 0; r < n_rows; r++) total[r] = wasm_f32x4_splat(0.0f);
  int i = 0;
  for (; i + 16 <= n_in; i += 16) {
    v128_t x0 = load(x + i), x1 = load(x + i + 4), x2 = load(x + i + 8), x3 = load(x + i + 12);
    for (int r = 0; r < n_rows; r++) {
      widen(w + r * n_in + i, wide);
      v128_t near = add(multiply(wide[0], x0), multiply(wide[1], x1));
      v128_t far = add(multiply(wide[2], x2), multiply(wide[3], x3));
      total[r] = add(total[r], add(near, far));
    }
  }
  for (int r = 0; r < n_rows; r++) {
    float sum = sum_of(total[r]);
    for (int j = i; j < n_in; j++) sum += (float)w[r * n_in + j] * x[j];
    out[r] = sum * scale[r];
  }
}

// One row for several tokens: the row is widened once for all of them.
static inline void tokens_int8(float *out, const float *x, const int8_t *w, float scale,
                               int n_in, int n_out) {
  v128_t total[AT_ONCE], wide[4];
  for (int t = 0; t < AT_ONCE; t++) total[t] = wasm_f32x4_splat(0.0f);
  int i = 0;
  for (; i + 16 <= n_in; i += 16) {
    widen(w + i, wide);
    for (int t = 0; t < AT_ONCE; t++) {
      const float *at = x + t * n_in + i;
      v128_t near = add(multiply(wide[0], load(at)), multiply(wide[1], load(at + 4)));
      v128_t far = add(multiply(wide[2], load(at + 8)), multiply(wide[3], load(at + 12)));
      total[t] = add(total[t], add(near, far));
    }
  }
  for (int t = 0; t < AT_ONCE; t++) {
    float sum = sum_of(total[t]);
    for (int j = i; j < n_in; j++) sum += (float)w[j] * x[t * n_in + j];
    out[t * n_out] = sum * scale;
  }
}

// Map x (T, n_in) through rows w (n_out, n_in) of int8, each with its scale, to out (T, n_out).
EXPORT(linearInt8)
void linearInt8(float *out, const float *x, const int8_t *w, const float *scale, int T, int n_in,
                 int n_out) {
  int t = 0;
  for (; t + AT_ONCE <= T; t += AT_ONCE)
    for (int r = 0; r < n_out; r++)
      tokens_int8(out + t * n_out + r, x + t * n_in, w + r * n_in, scale[r], n_in, n_out);
  for (; t < T; t++) {
    int r = 0;
    for (; r + AT_ONCE <= n_out; r += AT_ONCE)
      rows_int8(out + t * n_out + r, x + t * n_in, w + r * n_in, scale + r, AT_ONCE, n_in);
    for (; r < n_out; r++)
      rows_int8(out + t * n_out + r, x + t * n_in, w + r * n_in, scale + r, 1, n_in);
  }
}

// Map x (T, n_in) through w (n_out, n_in) to out (T, n_out).
EXPORT(linearFloat)
void linearFloat(float *out, const float *x, const float *w, int T, int n_in, int n_out) {
  int t = 0;
  for (; t + AT_ONCE <= T; t += AT_ONCE) {
    const float *a = x + t * n_in;
    for (int r = 0; r < n_out; r++) {
      const float *row = w + r * n_in;
      v128_t total[AT_ONCE];
      for (int k = 0; k < AT_ONCE; k++) total[k] = wasm_f32x4_splat(0.0f);
      int i = 0;
      for (; i + LANES <= n_in; i += LANES) {
        v128_t weights = load(row + i);
        for (int k = 0; k < AT_ONCE; k++)
          total[k] = add(total[k], multiply(weights, load(a + k * n_in + i)));
      }
      for (int k = 0; k < AT_ONCE; k++) {
        float sum = sum_of(total[k]);
        for (int j = i; j < n_in; j++) sum += row[j] * a[k * n_in + j];
        out[(t + k) * n_out + r] = sum;
      }
    }
  }
  for (; t < T; t++)
    for (int r = 0; r < n_out; r++) out[t * n_out + r] = dot(w + r * n_in, x + t * n_in, n_in);
}

// Widen n halves (IEEE 754 binary16) to floats.
EXPORT(widenHalf)
void widenHalf(float *out, const uint16_t *in, int n) {
  for (int i = 0; i < n; i++) {
    uint32_t half = in[i], sign = (half & 0x8000u) << 16, rest = half & 0x7fffu;
    union {
      uint32_t bits;
      float value;
    } wide = {.bits = rest << 13};
    wide.value *= 0x1p112f;  // moves the exponent's bias, and normalizes what is subnormal
    if (rest >= 0x7c00u) wide.bits |= 0x7f800000u;
    wide.bits |= sign;
    out[i] = wide.value;
  }
}

// ---------------------------------------------------------------- the other operations
// Root-mean-square norm of n_rows rows: x / sqrt(mean(x^2) + eps) * weight (n).
EXPORT(norm)
void norm(float *out, const float *x, const float *weight, int n_rows, int n, float eps) {
  for (int r = 0; r < n_rows; r++, x += n, out += n) {
    float factor = 1.0f / __builtin_sqrtf(dot(x, x, n) / (float)n + eps);
    for (int i = 0; i < n; i++) out[i] = x[i] * factor * weight[i];
  }
}

// Rotate x (H, D) of one token in place; pairs are (i, i + D/2). cosines, sines: (D/2).
EXPORT(rotate)
void rotate(float *x, const float *cosines, const float *sines, int H, int D) {
  int half = D / 2;
  for (int h = 0; h < H; h++, x += D)
    for (int i = 0; i < half; i++) {
      float first = x[i], second = x[i + half];
      x[i] = first * cosines[i] - second * sines[i];
      x[i + half] = second * cosines[i] + first * sines[i];
    }
}

// Turn scores (n) into probabilities; places up to the next multiple of 4 are overwritten.
static inline void softmax(float *scores, int n) {
  float highest = scores[0];
  for (int i = 1; i < n; i++) highest = scores[i] > highest ? scores[i] : highest;
  for (int i = n; i % LANES; i++) scores[i] = highest - 1000.0f;
  v128_t total = wasm_f32x4_splat(0.0f), shift = wasm_f32x4_splat(highest);
  for (int i = 0; i < n; i += LANES) {
    v128_t power = exponential(wasm_f32x4_sub(load(scores + i), shift));
    wasm_v128_store(scores + i, power);
    total = add(total, power);
  }
  float factor = 1.0f / sum_of(total);
  for (int i = 0; i < n; i++) scores[i] *= factor;
}

// Attend from the queries (H, D) of one token to the first n keys and values (K, capacity, D);
// out (H, D). scores: space for n + 3 floats.
EXPORT(attend)
void attend(float *out, const float *query, const float *keys, const float *values, float *scores,
            int H, int K, int D, int n, int capacity) {
  for (int h = 0; h < H; h++, out += D, query += D) {
    int shared = h / (H / K) * capacity * D;
    const float *key = keys + shared, *value = values + shared;
    for (int i = 0; i < n; i++) scores[i] = dot(query, key + i * D, D);
    softmax(scores, n);
    for (int d = 0; d < D; d++) out[d] = 0.0f;
    for (int i = 0; i < n; i++) {
      float share = scores[i];
      for (int d = 0; d < D; d++) out[d] += share * value[i * D + d];
    }
  }
}

// Map gates and ups (T, 2, n) to silu(gate) * up (T, n).
EXPORT(swiglu)
void swiglu(float *out, const float *x, int T, int n) {
  v128_t one = wasm_f32x4_splat(1.0f);
  for (int t = 0; t < T; t++, out += n, x += 2 * n) {
    int i = 0;
    for (; i + LANES <= n; i += LANES) {
      v128_t gate = load(x + i);
      v128_t open = add(one, exponential(wasm_f32x4_neg(gate)));
      wasm_v128_store(out + i, multiply(wasm_f32x4_div(gate, open), load(x + n + i)));
    }
    for (; i < n; i++) {
      v128_t power = exponential(wasm_f32x4_splat(-x[i]));
      out[i] = x[i] / (1.0f + wasm_f32x4_extract_lane(power, 0)) * x[n + i];
    }
  }
}

// Add y (n) to x in place.
EXPORT(addTo)
void addTo(float *x, const float *y, int n) {
  for (int i = 0; i < n; i++) x[i] += y[i];
}
