//! The users: a document of about 600 bytes each and the values they are found by. Everything follows from the number.
use std::fmt::Write;

pub const BIG: i64 = 1; // 89.6 % of the users
pub const MIDDLE: i64 = 2; // 10 %; the other eight share the rest

/// Interleaved, as accounts that grow side by side are.
pub fn account_of(i: usize) -> i64 {
    match i.wrapping_mul(7919) % 1000 {
        k if k < 896 => BIG,
        k if k < 996 => MIDDLE,
        _ => 3 + (i / 1000 % 8) as i64,
    }
}

/// splitmix64: keys arrive in no order, as names do.
pub fn mix(i: usize) -> u64 {
    let mut z = (i as u64).wrapping_add(0x9E3779B97F4A7C15).wrapping_mul(0xBF58476D1CE4E5B9);
    z ^= z >> 27;
    z = z.wrapping_mul(0x94D049BB133111EB);
    z ^ z >> 31
}

pub const ATTRIBUTES: [&str; 11] = [
    "userName",
    "externalId",
    "displayName",
    "emails.value",
    "active",
    "roles.value",
    "name.givenName",
    "name.familyName",
    "title",
    "department",
    "phoneNumbers.value",
];
pub const USER_NAME: usize = 0;
pub const EXTERNAL_ID: usize = 1;
pub const DISPLAY_NAME: usize = 2;
pub const ACTIVE: usize = 4;
pub const ROLE: usize = 5;

/// 32-bit FNV-1a of the attribute's path.
pub fn attribute(n: usize) -> i64 {
    let mut h = 0x811c9dc5u32;
    for b in ATTRIBUTES[n].bytes() {
        h = (h ^ b as u32).wrapping_mul(0x01000193);
    }
    h as i32 as i64
}

pub struct User {
    pub account: i64,
    pub id: String,
    pub at: i64,
    pub active: bool,
    /// In the order of [`ATTRIBUTES`].
    pub values: [String; 11],
    pub document: String,
}

const ROLES: [&str; 20] = [
    "admin", "auditor", "billing", "buyer", "dev", "editor", "guest", "hr", "lead", "legal", "member", "ops", "owner",
    "pm", "qa", "reader", "sales", "support", "temp", "writer",
];

fn word(mut z: u64) -> String {
    let mut s = String::new();
    for _ in 0..3 {
        s.push(b"bdfghjklmnprstvz"[(z % 16) as usize] as char);
        s.push(b"aeiou"[(z / 16 % 5) as usize] as char);
        z /= 80;
    }
    s
}

/// UUID v7: milliseconds first, then a counter's worth of noise.
pub fn id_of(i: usize) -> String {
    let ms = at_of(i) as u64;
    let z = mix(i);
    format!("{:08x}-{:04x}-7{:03x}-8{:03x}-{:012x}", ms >> 16, ms & 0xffff, z & 0xfff, z >> 12 & 0xfff, z >> 16)
}

pub fn at_of(i: usize) -> i64 {
    1_795_000_000_000 + i as i64 * 7
}

pub fn user_name_of(i: usize) -> String {
    let z = mix(i);
    format!("{}.{}{i}@example.com", word(z), word(z >> 20))
}

pub fn user(i: usize) -> User {
    let z = mix(i);
    let (given, family) = (word(z), word(z >> 20));
    let display = format!("{given} {family}");
    let name = user_name_of(i);
    let id = id_of(i);
    let active = !(z >> 40).is_multiple_of(50);
    let role = ROLES[(z >> 48) as usize % 20];
    let title = format!("title {}", (z >> 32) % 300);
    let department = format!("department {}", (z >> 36) % 100);
    let phone = format!("+1{:010}", z % 10_000_000_000);
    let external = format!("00u{:016x}", mix(i ^ 0x5555));
    let mut document = String::with_capacity(640);
    write!(
        document,
        r#"{{"id":"{id}","externalId":"{external}","userName":"{name}","name":{{"givenName":"{given}","familyName":"{family}","formatted":"{display}"}},"displayName":"{display}","title":"{title}","locale":"en-US","timezone":"Europe/Berlin","active":{active},"emails":[{{"value":"{name}","type":"work","primary":true}}],"phoneNumbers":[{{"value":"{phone}","type":"work"}}],"roles":[{{"value":"{role}"}}],"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{{"department":"{department}","employeeNumber":"{i}","costCenter":"cc-4100","organization":"Example"}}}}"#
    )
    .unwrap();
    let values = [
        name.clone(),
        external,
        display,
        name,
        active.to_string(),
        role.into(),
        given,
        family,
        title,
        department,
        phone,
    ];
    User { account: account_of(i), id, at: at_of(i), active, values, document }
}

/// Numbers in no order, the same at every run.
pub struct Picker(pub usize);
impl Picker {
    pub fn below(&mut self, n: usize) -> usize {
        self.0 += 1;
        (mix(self.0) >> 11) as usize % n
    }
}
