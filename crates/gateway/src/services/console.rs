//! What pages of the console show: each page is one struct, filled by a fixed number of statements, however many accounts there are.

pub mod access;
pub mod account;
pub mod accounts;
pub mod connect;
