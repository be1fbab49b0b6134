//! A log that is written over the one before it, in a file that keeps its length.
//!
//! The format allows it: the frames of an older log carry other salts. What is added here is that
//! the old header gives way to [`RESTARTED`] first, and is not overwritten by the new one. A
//! header that is torn between two logs looks like a damaged one, and then the frames behind it
//! look like commits that are lost.

use super::{FORMAT, FRAME_HEADER_LEN, Format, Frame, MAGIC, WAL_HEADER_LEN};

/// What stands in place of the header of a log that is empty but whose file is not.
///
/// Other readers of the format find no header in it, and so no log.
pub(crate) const RESTARTED: [u8; WAL_HEADER_LEN] = *b"sigil: this log is written anew.";

/// How many generations of a log there are between two that may be in one file.
const GENERATIONS_MAX: u32 = 1 << 20;

/// So many bytes of [`RESTARTED`] are there on purpose, whatever is beside them.
const BYTES_SURE: usize = 8;

/// Whether the header of this log, which is none, is [`RESTARTED`], or became it or ceased to be
/// it when a write was cut off.
pub(super) fn is_restarted(log: &[u8]) -> bool {
    let Some((head, frames)) = log.split_first_chunk::<WAL_HEADER_LEN>() else { return false };
    let same = |(byte, mark): &(&u8, &u8)| byte == mark;
    let begins = head.iter().zip(&RESTARTED).take_while(same).count();
    let ends = head.iter().rev().zip(RESTARTED.iter().rev()).take_while(same).count();
    if begins.max(ends) >= BYTES_SURE {
        return true;
    }
    // What is left of the old header must hold, with the first fields that it had.
    let became = begins > 0
        && [MAGIC, MAGIC | 1].into_iter().any(|magic| {
            let mut old = *head;
            old[..4].copy_from_slice(&magic.to_be_bytes());
            old[4..8].copy_from_slice(&FORMAT.to_be_bytes());
            Format::parse(&old).is_some()
        });
    // What is there of the new header must be newer than the frames.
    let ceased =
        ends > 0 && frames.len() >= FRAME_HEADER_LEN && is_older(Frame(frames), &Format::of(head));
    became || ceased
}

/// Whether a frame is of a log that stood in the same file before the one of `format`.
///
/// With each log the first salt is one more and the second is random.
pub(super) fn is_older(frame: Frame<'_>, format: &Format) -> bool {
    let parts = |salts: [u8; 8]| {
        let [a, b, c, d, rest @ ..] = salts;
        (u32::from_be_bytes([a, b, c, d]), rest)
    };
    let ((old, old_random), (new, new_random)) = (parts(frame.salts()), parts(format.salts));
    let generations = new.wrapping_sub(old);
    (1..=GENERATIONS_MAX).contains(&generations) && old_random != new_random
}
