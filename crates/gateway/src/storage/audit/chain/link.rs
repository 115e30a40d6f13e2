//! A link of the chain, and how it is noted.

use oauth::Keyring;

/// A link as the next one knows it. As text: its number, a colon, its hash in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// From 1; 0 is the beginning.
    pub number: i64,
    pub(super) hash: Vec<u8>,
}

impl Link {
    /// Before the first segment.
    pub(super) fn beginning() -> Link {
        Link { number: 0, hash: vec![0; 32] }
    }

    /// Whether nothing is sealed yet.
    pub fn is_beginning(&self) -> bool {
        self.number == 0
    }

    /// In the place of a head that is not known: what is sealed after it can be told from what was sealed after a real one.
    pub(super) fn broken(number: i64) -> Link {
        Link { number, hash: vec![0xff; 32] }
    }

    /// The note of this link under a name: without the keys no other can be made.
    pub(super) fn note(&self, keys: &Keyring, name: &str) -> String {
        format!("{self}:{}", hex(&keys.tag(name, self.to_string().as_bytes())))
    }

    /// The link that a note tells of; `None` if it was not made by us.
    pub(super) fn noted(keys: &Keyring, name: &str, note: &str) -> Option<Link> {
        let (link, _) = note.rsplit_once(':')?;
        let link: Link = link.parse().ok()?;
        (link.note(keys, name) == note).then_some(link)
    }
}

impl std::fmt::Display for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.number, hex(&self.hash))
    }
}

impl std::str::FromStr for Link {
    type Err = String;

    fn from_str(text: &str) -> Result<Link, String> {
        let wrong = || format!("`{text}` is not a head as `gateway audit verify` prints it: NUMBER:HASH");
        let (number, hash) = text.split_once(':').ok_or_else(wrong)?;
        let digits = hash.as_bytes().chunks(2).map(|pair| {
            let pair = std::str::from_utf8(pair).ok()?;
            u8::from_str_radix(pair, 16).ok().filter(|_| pair.len() == 2)
        });
        let hash: Option<Vec<u8>> = digits.collect();
        Ok(Link {
            number: number.parse().map_err(|_| wrong())?,
            hash: hash.filter(|hash| hash.len() == 32).ok_or_else(wrong)?,
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
