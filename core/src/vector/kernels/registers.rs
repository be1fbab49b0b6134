//! The loop over rows that every instruction set runs, in registers of some of the lanes each.

#![expect(unsafe_code, reason = "loads from raw pointers")]

use super::rows::Row;

/// Asks for a block of the rows that come next, where there is a way to.
#[inline]
pub(super) fn prefetch_rows<'a, R: Row<'a>, const N: usize>(next: [R; N], at: usize) {
    #[cfg(target_arch = "x86_64")]
    super::x86::prefetch_rows(next, at);
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (next, at);
}

/// Rows whose elements can be loaded as many at a time as a register holds.
pub(super) trait Load<'a, Register>: Row<'a> {
    /// The elements from a position on.
    ///
    /// # Safety
    /// The processor must have the instructions that this takes, and the row as many elements from
    /// there on as the register holds.
    unsafe fn load(self, at: usize) -> Register;
}

/// Defines the functions `sums` and `pair` of an implementation from what its instructions do with
/// a register: how many lanes (`width`) it has, and how its lanes are added to those of another,
/// subtracted and multiplied. `reduce` adds up the registers of a row, and `rows` are summed at a
/// time. What is defined runs with the attributes that are given, and [`Load`] with the same ones.
macro_rules! sums_by_registers {
    (
        $(#[$attribute:meta])*
        register: $register:ty,
        width: $width:literal,
        rows: $rows:literal,
        zero: $zero:expr,
        add: $add:ident,
        subtract: $subtract:ident,
        multiply: $multiply:ident,
        reduce: $reduce:ident,
    ) => {
        const REGISTERS: usize = LANES / $width;

        fn sums<'a, const SQUARED_L2: bool, R: Load<'a, $register>>(
            query: &[f32],
            rows: Rows<'a, R>,
            out: &mut [f32],
        ) {
            // SAFETY: `KERNELS`, the only way here, is private, and only handed out where the
            // processor has the instructions.
            unsafe { sums_of_groups::<SQUARED_L2, R>(query, rows, out) }
        }

        fn pair(a: &[f32], b: &[f32]) -> f32 {
            // SAFETY: as above, and `Kernels` checks that they are of one length.
            let [sum] = unsafe { sums_of::<false, _, 1>(a, [b], [&[]]) };
            sum
        }

        /// # Safety
        /// The processor must have the instructions.
        $(#[$attribute])*
        unsafe fn sums_of_groups<'a, const SQUARED_L2: bool, R: Load<'a, $register>>(
            query: &[f32],
            rows: Rows<'a, R>,
            out: &mut [f32],
        ) {
            rows.by_groups::<$rows>(
                out,
                // SAFETY: the caller's; every row is as long as the query.
                |rows, next| unsafe { sums_of::<SQUARED_L2, R, $rows>(query, rows, next) },
                // SAFETY: as above.
                |row| unsafe { sums_of::<SQUARED_L2, R, 1>(query, [row], [R::empty()]) }[0],
            );
        }

        /// The sums of `N` rows, asking for the `next` ones meanwhile.
        ///
        /// # Safety
        /// The processor must have the instructions, and each of `rows` be as long as `query`.
        #[inline]
        $(#[$attribute])*
        unsafe fn sums_of<'a, const SQUARED_L2: bool, R: Load<'a, $register>, const N: usize>(
            query: &[f32],
            rows: [R; N],
            next: [R; N],
        ) -> [f32; N] {
            let n = query.len();
            debug_assert!(rows.iter().all(|row| row.len() == n));
            let whole = n - n % LANES;
            let mut lanes = [[$zero; REGISTERS]; N];
            for at in (0..whole).step_by(LANES) {
                prefetch_rows(next, at);
                for j in 0..REGISTERS {
                    let at = at + j * $width;
                    // SAFETY: `at + width <= whole <= n`, the length of the query.
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
                        // SAFETY: both arrays hold `LANES = REGISTERS * width` elements.
                        let q = unsafe { query.as_slice().load(j * $width) };
                        // SAFETY: as above.
                        let x = unsafe { row.as_slice().load(j * $width) };
                        *lane = add_term::<SQUARED_L2>(*lane, q, x);
                    }
                }
            }
            lanes.map(|lanes| $reduce(lanes))
        }

        #[inline]
        $(#[$attribute])*
        fn add_term<const SQUARED_L2: bool>(
            sum: $register,
            q: $register,
            x: $register,
        ) -> $register {
            if SQUARED_L2 {
                let difference = $subtract(q, x);
                $add(sum, $multiply(difference, difference))
            } else {
                $add(sum, $multiply(q, x))
            }
        }
    };
}

pub(super) use sums_by_registers;
