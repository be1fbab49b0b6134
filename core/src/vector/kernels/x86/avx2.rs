//! 32 lanes as four registers of eight.

use std::arch::x86_64::{
    __m256, _mm_add_ps, _mm_add_ss, _mm_cvtss_f32, _mm_loadl_epi64, _mm_loadu_si128, _mm_movehl_ps,
    _mm_shuffle_ps, _mm256_add_ps, _mm256_castps256_ps128, _mm256_cvtepi8_epi32,
    _mm256_cvtepi32_ps, _mm256_cvtph_ps, _mm256_extractf128_ps, _mm256_loadu_ps, _mm256_mul_ps,
    _mm256_set1_ps, _mm256_setzero_ps, _mm256_sub_ps,
};

use super::super::rows::{Row, Rows, ScaledRow};
use super::super::{Kernels, LANES, Sums, lookup, rotate};
use super::prefetch;

static KERNELS: Kernels = Kernels {
    name: "avx2",
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
    lookup: |blocks, table, out| unsafe { lookup::x86::avx2(blocks, table, out) },
    keys: |sums, add, scale, line, bound, keys| {
        // SAFETY: as above.
        unsafe { lookup::x86::keys_avx2(sums, add, scale, line, bound, keys) }
    },
    // SAFETY: as above.
    table: |elements, per_step, table| unsafe { table_avx2(elements, per_step, table) },
    // SAFETY: as above.
    rotate: |elements, signs, window, scratch| unsafe {
        rotate_avx2(elements, signs, window, scratch);
    },
};

/// Rows at a time: 8 accumulators, so that the 16 registers hold all that is live.
const ROWS: usize = 2;
const WIDTH: usize = 8;
const REGISTERS: usize = LANES / WIDTH;

/// The implementation, if the processor has AVX2 and F16C.
pub(super) fn detected() -> Option<&'static Kernels> {
    (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("f16c")).then_some(&KERNELS)
}

#[target_feature(enable = "avx2")]
fn table_avx2(elements: &[f32], per_step: f32, table: &mut [u8]) {
    lookup::table(elements, per_step, table);
}

#[target_feature(enable = "avx2")]
fn rotate_avx2(elements: &mut [f32], signs: &[f32], window: usize, scratch: &mut [f32]) {
    rotate::rotate(elements, signs, window, scratch);
}

fn sums<'a, const SQUARED_L2: bool, R: Load<'a>>(
    query: &[f32],
    rows: Rows<'a, R>,
    out: &mut [f32],
) {
    // SAFETY: `KERNELS`, the only way here, is private and handed out by `detected` alone.
    unsafe { sums_avx2::<SQUARED_L2, R>(query, rows, out) }
}

#[target_feature(enable = "avx2,f16c")]
fn sums_avx2<'a, const SQUARED_L2: bool, R: Load<'a>>(
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

/// Rows whose elements can be loaded eight at a time.
trait Load<'a>: Row<'a> {
    /// The eight elements from a position on.
    ///
    /// # Safety
    /// The processor must have AVX2 and F16C, and the row eight elements from there on.
    unsafe fn load(self, at: usize) -> __m256;
}

impl<'a> Load<'a> for &'a [f32] {
    #[inline]
    #[target_feature(enable = "avx2,f16c")]
    unsafe fn load(self, at: usize) -> __m256 {
        // SAFETY: the caller's.
        unsafe { _mm256_loadu_ps(self.as_ptr().add(at)) }
    }
}

impl<'a> Load<'a> for &'a [u16] {
    #[inline]
    #[target_feature(enable = "avx2,f16c")]
    unsafe fn load(self, at: usize) -> __m256 {
        // SAFETY: the caller's.
        _mm256_cvtph_ps(unsafe { _mm_loadu_si128(self.as_ptr().add(at).cast()) })
    }
}

impl<'a> Load<'a> for ScaledRow<'a> {
    #[inline]
    #[target_feature(enable = "avx2,f16c")]
    unsafe fn load(self, at: usize) -> __m256 {
        // SAFETY: the caller's.
        let bytes = unsafe { _mm_loadl_epi64(self.elements.as_ptr().add(at).cast()) };
        let integers = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes));
        _mm256_mul_ps(integers, _mm256_set1_ps(self.scale))
    }
}

/// The sums of `N` rows, asking for the `next` ones meanwhile.
///
/// # Safety
/// Each of `rows` must be as long as `query`.
#[inline]
#[target_feature(enable = "avx2,f16c")]
unsafe fn sums_of<'a, const SQUARED_L2: bool, R: Load<'a>, const N: usize>(
    query: &[f32],
    rows: [R; N],
    next: [R; N],
) -> [f32; N] {
    let n = query.len();
    debug_assert!(rows.iter().all(|row| row.len() == n));
    let whole = n - n % LANES;
    let mut lanes = [[_mm256_setzero_ps(); REGISTERS]; N];
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
    lanes.map(|[a, b, c, d]| sum_eight(_mm256_add_ps(_mm256_add_ps(a, c), _mm256_add_ps(b, d))))
}

#[inline]
#[target_feature(enable = "avx2")]
fn add_term<const SQUARED_L2: bool>(sum: __m256, q: __m256, x: __m256) -> __m256 {
    if SQUARED_L2 {
        let difference = _mm256_sub_ps(q, x);
        _mm256_add_ps(sum, _mm256_mul_ps(difference, difference))
    } else {
        _mm256_add_ps(sum, _mm256_mul_ps(q, x))
    }
}

/// The last three steps of the reduction tree.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn sum_eight(lanes: __m256) -> f32 {
    let four = _mm_add_ps(_mm256_castps256_ps128(lanes), _mm256_extractf128_ps::<1>(lanes));
    let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
}
