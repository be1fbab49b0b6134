//! 32 lanes as two registers of sixteen.

use std::arch::x86_64::{
    __m512, _mm_loadu_si128, _mm256_add_ps, _mm256_loadu_si256, _mm512_add_ps,
    _mm512_castps512_ps256, _mm512_cvtepi8_epi32, _mm512_cvtepi32_ps, _mm512_cvtph_ps,
    _mm512_loadu_ps, _mm512_mul_ps, _mm512_set1_ps, _mm512_setzero_ps, _mm512_shuffle_f32x4,
    _mm512_sub_ps,
};

use super::super::rows::{Row, Rows, ScaledRow};
use super::super::{Kernels, LANES, Sums, lookup, rotate};
use super::avx2::sum_eight;
use super::prefetch;

static KERNELS: Kernels = Kernels {
    name: "avx512",
    floats: Sums {
        dot: |query, rows, out| sums::<false, _>(query, rows, out),
        squared_l2: |query, rows, out| sums::<true, _>(query, rows, out),
    },
    halves: Sums {
        dot: |query, rows, out| sums::<false, _>(query, rows, out),
        squared_l2: |query, rows, out| sums::<true, _>(query, rows, out),
    },
    scaled: Sums {
        dot: |query, rows, out| sums::<false, _>(query, rows, out),
        squared_l2: |query, rows, out| sums::<true, _>(query, rows, out),
    },
    // SAFETY: `KERNELS` is private and handed out by `detected` alone, and `Kernels` checks.
    pair: |a, b| unsafe { sums_of::<false, _, 1>(a, [b], [&[]]) }[0],
    // SAFETY: as above.
    lookup: |blocks, table, out| unsafe { lookup::x86::avx512(blocks, table, out) },
    keys: |sums, add, scale, line, bound, keys| {
        // SAFETY: as above.
        unsafe { lookup::x86::keys_avx512(sums, add, scale, line, bound, keys) }
    },
    // SAFETY: as above.
    table: |elements, per_step, table| unsafe { table_avx512(elements, per_step, table) },
    // SAFETY: as above.
    rotate: |elements, signs, window, scratch| unsafe {
        rotate_avx512(elements, signs, window, scratch);
    },
};

/// Rows at a time: 8 accumulators hide the latency of the additions.
const ROWS: usize = 4;
const WIDTH: usize = 16;
const REGISTERS: usize = LANES / WIDTH;

/// The implementation, if the processor has AVX-512 F and BW.
pub(super) fn detected() -> Option<&'static Kernels> {
    (is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx2"))
    .then_some(&KERNELS)
}

#[target_feature(enable = "avx512f,avx512bw")]
fn table_avx512(elements: &[f32], per_step: f32, table: &mut [u8]) {
    lookup::table(elements, per_step, table);
}

#[target_feature(enable = "avx512f,avx512bw")]
fn rotate_avx512(elements: &mut [f32], signs: &[f32], window: usize, scratch: &mut [f32]) {
    rotate::rotate(elements, signs, window, scratch);
}

fn sums<'a, const SQUARED_L2: bool, R: Load<'a>>(
    query: &[f32],
    rows: Rows<'a, R>,
    out: &mut [f32],
) {
    // SAFETY: `KERNELS`, the only way here, is private and handed out by `detected` alone.
    unsafe { sums_avx512::<SQUARED_L2, R>(query, rows, out) }
}

#[target_feature(enable = "avx512f,avx2")]
fn sums_avx512<'a, const SQUARED_L2: bool, R: Load<'a>>(
    query: &[f32],
    rows: Rows<'a, R>,
    out: &mut [f32],
) {
    rows.by_groups::<ROWS>(
        out,
        // SAFETY: this function has the features; every row is as long as the query.
        |rows, next| unsafe { sums_of::<SQUARED_L2, R, ROWS>(query, rows, next) },
        // SAFETY: as above.
        |row| unsafe { sums_of::<SQUARED_L2, R, 1>(query, [row], [R::empty()]) }[0],
    );
}

/// Rows whose elements can be loaded sixteen at a time.
trait Load<'a>: Row<'a> {
    /// The sixteen elements from a position on.
    ///
    /// # Safety
    /// The processor must have AVX-512 F and AVX2, and the row sixteen elements from there on.
    unsafe fn load(self, at: usize) -> __m512;
}

impl<'a> Load<'a> for &'a [f32] {
    #[inline]
    #[target_feature(enable = "avx512f,avx2")]
    unsafe fn load(self, at: usize) -> __m512 {
        // SAFETY: the caller's.
        unsafe { _mm512_loadu_ps(self.as_ptr().add(at)) }
    }
}

impl<'a> Load<'a> for &'a [u16] {
    #[inline]
    #[target_feature(enable = "avx512f,avx2")]
    unsafe fn load(self, at: usize) -> __m512 {
        // SAFETY: the caller's.
        _mm512_cvtph_ps(unsafe { _mm256_loadu_si256(self.as_ptr().add(at).cast()) })
    }
}

impl<'a> Load<'a> for ScaledRow<'a> {
    #[inline]
    #[target_feature(enable = "avx512f,avx2")]
    unsafe fn load(self, at: usize) -> __m512 {
        // SAFETY: the caller's.
        let bytes = unsafe { _mm_loadu_si128(self.elements.as_ptr().add(at).cast()) };
        let integers = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes));
        _mm512_mul_ps(integers, _mm512_set1_ps(self.scale))
    }
}

/// The sums of `N` rows, asking for the `next` ones meanwhile.
///
/// # Safety
/// Each of `rows` must be as long as `query`.
#[inline]
#[target_feature(enable = "avx512f,avx2")]
unsafe fn sums_of<'a, const SQUARED_L2: bool, R: Load<'a>, const N: usize>(
    query: &[f32],
    rows: [R; N],
    next: [R; N],
) -> [f32; N] {
    let n = query.len();
    debug_assert!(rows.iter().all(|row| row.len() == n));
    let whole = n - n % LANES;
    let mut lanes = [[_mm512_setzero_ps(); REGISTERS]; N];
    for at in (0..whole).step_by(LANES) {
        prefetch(next, at);
        for j in 0..REGISTERS {
            let at = at + j * WIDTH;
            // SAFETY: `at + WIDTH <= whole <= n`, the length of the query.
            let q = unsafe { query.load(at) };
            for (lanes, row) in lanes.iter_mut().zip(rows) {
                // SAFETY: each row is as long as the query.
                let x = unsafe { row.load(at) };
                lanes[j] = add_term::<SQUARED_L2>(lanes[j], q, x);
            }
        }
    }
    if whole < n {
        let query = query.tail(whole);
        for (lanes, row) in lanes.iter_mut().zip(rows) {
            let row = row.tail(whole);
            for (j, lane) in lanes.iter_mut().enumerate() {
                // SAFETY: both arrays hold `LANES = REGISTERS * WIDTH` elements.
                let q = unsafe { query.as_slice().load(j * WIDTH) };
                // SAFETY: as above.
                let x = unsafe { row.as_slice().load(j * WIDTH) };
                *lane = add_term::<SQUARED_L2>(*lane, q, x);
            }
        }
    }
    lanes.map(|[a, b]| {
        let sixteen = _mm512_add_ps(a, b);
        // The upper eight lanes in the place of the lower ones.
        let upper = _mm512_shuffle_f32x4::<0b11_10_11_10>(sixteen, sixteen);
        sum_eight(_mm256_add_ps(_mm512_castps512_ps256(sixteen), _mm512_castps512_ps256(upper)))
    })
}

#[inline]
#[target_feature(enable = "avx512f,avx2")]
fn add_term<const SQUARED_L2: bool>(sum: __m512, q: __m512, x: __m512) -> __m512 {
    if SQUARED_L2 {
        let difference = _mm512_sub_ps(q, x);
        _mm512_add_ps(sum, _mm512_mul_ps(difference, difference))
    } else {
        _mm512_add_ps(sum, _mm512_mul_ps(q, x))
    }
}
