//! A party that publishes its public keys at a URL and signs with the private ones: a client, or a customer's identity provider.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use rsa::traits::PublicKeyParts;
use serde_json::{Value, json};

pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Signs a message.
type Sign = Box<dyn Fn(&[u8]) -> Vec<u8> + Send + Sync>;

/// A key with both halves.
pub struct SigningKey {
    pub algorithm: &'static str,
    pub kid: String,
    pub public: Value,
    sign: Sign,
}

impl SigningKey {
    pub fn ed25519(kid: &str) -> SigningKey {
        let seed: [u8; 32] = ring::rand::generate(&SystemRandom::new()).expect("entropy").expose();
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).expect("a seed is a key");
        let public = json!({"kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key()), "kid": kid});
        let sign = Box::new(move |message: &[u8]| pair.sign(message).as_ref().to_vec());
        SigningKey { algorithm: "EdDSA", kid: kid.to_owned(), public, sign }
    }

    pub fn p256(kid: &str) -> SigningKey {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).expect("it is one");
        let point = pair.public_key().as_ref();
        let public = json!({
            "kty": "EC", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..]), "kid": kid, "use": "sig",
        });
        let sign = Box::new(move |message: &[u8]| pair.sign(&random, message).expect("signed").as_ref().to_vec());
        SigningKey { algorithm: "ES256", kid: kid.to_owned(), public, sign }
    }

    /// All RSA keys of the stories are one: to make one takes a while.
    pub fn rsa(kid: &str) -> SigningKey {
        static DER: LazyLock<Vec<u8>> = LazyLock::new(|| {
            let key = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).expect("a key");
            key.to_pkcs8_der().expect("it can be written").as_bytes().to_vec()
        });
        let public = rsa::RsaPrivateKey::from_pkcs8_der(&DER).expect("it can be read");
        let pair = RsaKeyPair::from_pkcs8(&DER).expect("it can be read");
        let public = json!({
            "kty": "RSA", "n": encode(public.n().to_bytes_be()), "e": encode(public.e().to_bytes_be()),
            "kid": kid, "use": "sig", "x5c": ["MIIC…"], "issuer": "as Microsoft Entra ID has it",
        });
        let sign = Box::new(move |message: &[u8]| {
            let mut signature = vec![0; pair.public().modulus_len()];
            pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).expect("signed");
            signature
        });
        SigningKey { algorithm: "RS256", kid: kid.to_owned(), public, sign }
    }

    pub fn jwks(&self) -> Value {
        json!({"keys": [self.public]})
    }

    pub fn jwt(&self, claims: &Value) -> String {
        self.jwt_with(&json!({"alg": self.algorithm, "typ": "JWT", "kid": self.kid}), claims)
    }

    pub fn jwt_with(&self, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        format!("{signed}.{}", encode((self.sign)(signed.as_bytes())))
    }
}

/// Now, in seconds since the epoch.
pub fn now() -> i64 {
    gateway::platform::clock::Clock::of_the_machine().now().millis() / 1000
}

/// A name that was never used.
pub fn fresh() -> String {
    gateway::platform::system::new_uuid()
}

#[derive(Default)]
struct Shelf {
    answers: HashMap<String, Vec<u8>>,
    asked: Vec<String>,
}

/// A web server on this machine with a few documents.
#[derive(Clone)]
pub struct KeyServer {
    address: SocketAddr,
    shelf: Arc<Mutex<Shelf>>,
}

impl KeyServer {
    pub fn start() -> KeyServer {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let server = KeyServer { address: listener.local_addr().expect("it is bound"), shelf: Arc::default() };
        let shelf = server.shelf.clone();
        std::thread::spawn(move || listener.incoming().flatten().for_each(|visitor| serve(visitor, &shelf)));
        server
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn put(&self, path: &str, document: &Value) {
        let body = document.to_string();
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
        self.put_raw(path, format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()));
    }

    pub fn put_raw(&self, path: &str, answer: impl Into<Vec<u8>>) {
        self.shelf().answers.insert(path.to_owned(), answer.into());
    }

    /// A discovery document and keys, where Microsoft Entra ID has them. Gives the issuer.
    pub fn be_tenant(&self, tenant: &str, keys: &Value) -> String {
        let (issuer, keys_path) = (self.url(&format!("/{tenant}/v2.0")), format!("/{tenant}/discovery/v2.0/keys"));
        let discovery = json!({"issuer": issuer, "jwks_uri": self.url(&keys_path)});
        self.put(&format!("/{tenant}/v2.0/.well-known/openid-configuration"), &discovery);
        self.put(&keys_path, keys);
        issuer
    }

    /// How often it was asked for this.
    pub fn asked(&self, path: &str) -> usize {
        self.shelf().asked.iter().filter(|asked| *asked == path).count()
    }

    /// How often it was asked for anything.
    pub fn visits(&self) -> usize {
        self.shelf().asked.len()
    }

    fn shelf(&self) -> std::sync::MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn serve(mut visitor: TcpStream, shelf: &Mutex<Shelf>) {
    let mut request = [0; 8192];
    let length = visitor.read(&mut request).unwrap_or(0);
    let text = String::from_utf8_lossy(&request[..length]).into_owned();
    let path = text.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut shelf = shelf.lock().unwrap_or_else(PoisonError::into_inner);
    let nothing = || b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_vec();
    let answer = shelf.answers.get(&path).cloned().unwrap_or_else(nothing);
    shelf.asked.push(path);
    drop(shelf);
    let _ = visitor.write_all(&answer);
}
