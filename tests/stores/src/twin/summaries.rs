//! Summaries.

use sigil_core::{Error, ErrorKind, Result, Summary, SummaryStatus, SummaryStore, TimeRange};

use super::table::{newest_first, records};
use super::{TwinWorkspace, not_found, taken};

fn committed(summary: &Summary) -> bool {
    summary.status == SummaryStatus::Committed
}

impl SummaryStore for TwinWorkspace {
    fn store(&self, summary: &Summary) -> Result<()> {
        summary.validate()?;
        self.data.write(|data| {
            if data.summaries.contains(|there| there.id == summary.id) {
                return Err(taken("summary", &summary.id));
            }
            data.summaries.push(summary.clone());
            Ok(())
        })
    }

    fn get(&self, id: &str) -> Result<Summary> {
        self.data.read(|data| {
            let found = data.summaries.find(|summary| summary.id == id);
            found.cloned().ok_or_else(|| not_found("summary", id))
        })
    }

    fn confirm(&self, id: &str) -> Result<()> {
        self.data.write(|data| {
            let found = data.summaries.find(|summary| summary.id == id).cloned();
            let found = found.ok_or_else(|| not_found("summary", id))?;
            if committed(&found) {
                return Err(Error::new(
                    ErrorKind::Conflict,
                    "expected status pending, got committed",
                ));
            }
            let summary = Summary { status: SummaryStatus::Committed, ..found };
            data.summaries.put(|there| there.id == id, summary);
            Ok(())
        })
    }

    fn delete(&self, id: &str) -> Result<bool> {
        self.data.write(|data| Ok(data.summaries.remove(|summary| summary.id == id) > 0))
    }

    fn range(&self, range: &TimeRange) -> Result<Vec<Summary>> {
        let inside = |summary: &Summary| {
            committed(summary)
                && range.from.is_none_or(|from| summary.from_time >= from)
                && range.to.is_none_or(|to| summary.to_time <= to)
        };
        self.data
            .read(|data| Ok(records(data.summaries.sorted(|summary| summary.from_time, inside))))
    }

    fn latest(&self, n: i64) -> Result<Vec<Summary>> {
        self.data.read(|data| {
            let all = newest_first(data.summaries.sorted(|s| s.created_at, committed));
            let mut newest = records(all);
            if n >= 0 {
                newest.truncate(usize::try_from(n).unwrap_or(usize::MAX));
            }
            Ok(newest)
        })
    }

    fn pending(&self) -> Result<Vec<Summary>> {
        self.data.read(|data| {
            let pending = |summary: &Summary| summary.status == SummaryStatus::Pending;
            Ok(records(data.summaries.sorted(|summary| summary.created_at, pending)))
        })
    }
}
