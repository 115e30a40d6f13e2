//! The names of access tokens, of one alone and of those of one answer together: what a store keeps of those that were revoked.

use crate::grant::GrantId;

/// Names one access token, so that it can be revoked alone: 128 random bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenId(pub [u8; 16]);

impl TokenId {
    /// No token: those that are issued have random ids, and those of answers begin with the number of a grant.
    pub const NONE: TokenId = TokenId([0; 16]);
}

/// The answer in which an access token was issued, as a link of its grant's chain. Of the client's own credentials there is no chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The generation of the refresh token that came along, or would have; 0 with the code.
    pub generation: i32,
    /// How often the answer had been given before and was never used.
    pub reissue: i32,
}

impl Link {
    /// Names all access tokens of one answer, so that they can be revoked together.
    pub(crate) fn id(self, grant: GrantId) -> TokenId {
        let mut id = [0; 16];
        let bytes = grant.number.to_be_bytes().into_iter().chain(self.generation.to_be_bytes());
        id.iter_mut().zip(bytes.chain(self.reissue.to_be_bytes())).for_each(|(to, from)| *to = from);
        TokenId(id)
    }
}
