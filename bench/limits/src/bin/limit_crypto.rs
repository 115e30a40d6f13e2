//! Cryptographic operations a second on one core. One line of JSON each.

use std::hint::black_box;
use std::time::Instant;

use argon2::{Algorithm, Argon2, Params, Version};
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey,
};
use ring::{aead, digest, hmac};

fn rate(name: &str, secs: f64, mut op: impl FnMut()) {
    op();
    let begun = Instant::now();
    let (mut done, mut step) = (0u64, 1);
    while begun.elapsed().as_secs_f64() < secs {
        (0..step).for_each(|_| op());
        done += step;
        if done > 1000 {
            step = 100;
        }
    }
    let took = begun.elapsed().as_secs_f64();
    let us = (took * 1e8 / done as f64).round() / 100.0;
    println!("{}", serde_json::json!({"limit": name, "per_s": (done as f64 / took).round(), "us": us}));
}

fn main() {
    let mut out = [0u8; 32];
    let params = Params::new(19_456, 2, 1, None).expect("OWASP's parameters are possible");
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    rate("argon2id_m19456_t2_p1", 2.0, || {
        argon2.hash_password_into(b"a password of a person", b"0123456789abcdef", &mut out).expect("it hashes");
    });
    let token = [7u8; 43];
    rate("sha256_43B", 1.0, || {
        black_box(digest::digest(&digest::SHA256, black_box(&token)));
    });
    let key = hmac::Key::new(hmac::HMAC_SHA256, &[1u8; 32]);
    rate("hmac_sha256_43B", 1.0, || {
        black_box(hmac::sign(&key, black_box(&token)));
    });
    let random = SystemRandom::new();
    let message = vec![b'j'; 300];
    let sealing = aead::UnboundKey::new(&aead::CHACHA20_POLY1305, &[1u8; 32]).expect("32 bytes are a key");
    let sealing = aead::LessSafeKey::new(sealing);
    rate("chacha20poly1305_seal_64B", 1.0, || {
        let mut text = vec![0u8; 64];
        let nonce = aead::Nonce::assume_unique_for_key([0u8; 12]);
        sealing.seal_in_place_append_tag(nonce, aead::Aad::empty(), &mut text).expect("it seals");
        black_box(text);
    });
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key can be made");
    let pair =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).expect("it is a key");
    rate("es256_sign_300B", 1.0, || {
        black_box(pair.sign(&random, &message).expect("it signs"));
    });
    let signature = pair.sign(&random, &message).expect("it signs");
    let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref().to_vec());
    rate("es256_verify_300B", 1.0, || public.verify(&message, signature.as_ref()).expect("it is right"));
    rate("os_random_32B", 1.0, || random.fill(&mut out).expect("there is entropy"));
}
