//! The oldest messages become a summary, its facts and its vector.

use super::Workspace;
use crate::error::Result;
use crate::model::{Digest, Message};

impl Workspace {
    /// Replaces the oldest `batch` messages and their vectors by what `digest` makes of them, in
    /// one transaction, and says how many they were: 0 while there are fewer than `batch`.
    ///
    /// # Errors
    ///
    /// If `batch` is 0 or the database fails; then nothing is changed.
    pub fn compact(
        &self,
        batch: usize,
        digest: &mut dyn FnMut(&[Message]) -> Digest,
    ) -> Result<usize> {
        self.transaction(|| {
            let oldest = self.messages().oldest(batch)?;
            if oldest.len() < batch {
                return Ok(0);
            }
            let Digest { summary, facts, embedding } = digest(&oldest);
            self.summaries().store(&summary)?;
            self.knowledge().put_facts(&facts)?;
            self.vectors().delete(oldest.iter().map(|message| &*message.id))?;
            self.vectors().store(std::slice::from_ref(&embedding))?;
            self.messages().delete_by_ids(oldest.iter().map(|message| &*message.id))
        })
    }
}
