//! What texts were read as, the latest few of them on each thread.
//!
//! The same text is always read as the same, so nothing can be out of date here: what is kept of an account or a client is asked of the
//! database each time, and only its text is not taken apart again. Most accounts and most clients have the options that they were made
//! with, so a few texts are nearly all.

use std::cell::RefCell;

/// So many are kept,
const MOST: usize = 16;
/// each of so many bytes at most.
const LONGEST: usize = 4096;

/// What texts were read as.
#[derive(Debug)]
pub struct Latest<T>(RefCell<Vec<(Box<str>, T)>>);

impl<T: Clone> Default for Latest<T> {
    fn default() -> Latest<T> {
        Latest::new()
    }
}

impl<T: Clone> Latest<T> {
    /// None yet.
    pub const fn new() -> Latest<T> {
        Latest(RefCell::new(Vec::new()))
    }

    /// What this text is read as, by a reader that is always the same.
    pub fn read<E>(&self, text: &str, reader: impl FnOnce(&str) -> Result<T, E>) -> Result<T, E> {
        let mut kept = self.0.borrow_mut();
        if let Some(place) = kept.iter().position(|(of, _)| **of == *text) {
            // Those that are asked for often come to stand in front.
            let front = place.saturating_sub(1);
            kept.swap(place, front);
            return Ok(kept[front].1.clone());
        }
        let value = reader(text)?;
        if text.len() <= LONGEST {
            kept.truncate(MOST - 1);
            kept.push((text.into(), value.clone()));
        }
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_text_is_read_once_as_long_as_it_is_among_the_latest() {
        let (latest, reads) = (Latest::new(), Cell::new(0));
        let read = |text: &str| {
            latest.read(text, |text| {
                reads.set(reads.get() + 1);
                text.parse::<u32>()
            })
        };
        assert_eq!((read("7"), read("7"), reads.get()), (Ok(7), Ok(7), 1));
        assert!(read("x").is_err() && read("x").is_err());
        assert_eq!(reads.get(), 3, "what failed is tried again");
        for n in 100..140 {
            assert_eq!((read(&n.to_string()), read("7")), (Ok(n), Ok(7)));
        }
        assert_eq!(reads.get(), 43, "what is asked for often stays");
        let long = format!("{:05000}", 5);
        assert_eq!((read(&long), read(&long), reads.get()), (Ok(5), Ok(5), 45));
    }
}
