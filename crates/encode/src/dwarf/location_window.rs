//! Reads location lists a window at a time.

use crate::dwarf::file::LocationLists;
use crate::error::{EncodeError, internal};

/// Part of the lists of locations: those of neighbouring parameters lie side by side.
#[derive(Debug, Default)]
pub(crate) struct LocationWindow {
    /// Which section, and where in it the part begins.
    start: Option<(usize, u64)>,
    bytes: Vec<u8>,
}

/// How much of the lists is read at once, in bytes.
const WINDOW: u64 = 1 << 16;

impl LocationWindow {
    /// What is there from an offset on, and whether that is all there is.
    pub(super) fn get(
        &mut self,
        lists: &LocationLists<'_>,
        offset: u64,
        least: u64,
    ) -> Result<(&[u8], bool), Box<EncodeError>> {
        let LocationLists { section, content, .. } = lists;
        // Nothing is left behind the end.
        let left = content.len().saturating_sub(offset);
        let wanted = least.min(left);
        let inside = self.start.filter(|&(of, start)| of == *section && start <= offset);
        let inside = inside.map(|(_, start)| offset - start);
        let has = |within: u64| within.checked_add(wanted).is_some_and(|end| end <= self.bytes.len() as u64);
        let within = match inside.filter(|&within| has(within)) {
            Some(within) => within,
            None => {
                self.start = None;
                let length = least.max(WINDOW).min(left);
                content.read(offset.min(content.len()), length, &mut self.bytes).map_err(EncodeError::from)?;
                self.start = Some((*section, offset));
                0
            }
        };
        let part = usize::try_from(within).ok().and_then(|within| self.bytes.get(within..));
        let part = part.ok_or_else(|| internal("a window does not contain the list that it was read for"))?;
        let is_all = part.len() as u64 >= left;
        Ok((part, is_all))
    }
}
