//! A device that holds a passkey, and says whatever it is told to say.

use super::Answer;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The owner is there, and it is they.
pub const PRESENT_AND_VERIFIED: u8 = 0b101;

/// A device with one passkey.
#[derive(Clone)]
pub struct Device {
    key: SigningKey,
    /// How it names the passkey.
    pub id: Vec<u8>,
    /// Whose passkey it is, as the site has said.
    pub owner: Vec<u8>,
    /// How often it has signed.
    pub count: u32,
}

/// What it says about itself and about who asks, before it signs.
#[derive(Clone)]
pub struct Said {
    /// `webauthn.get` or `webauthn.create`.
    pub kind: &'static str,
    /// What it was asked to sign.
    pub challenge: String,
    /// Who asked.
    pub origin: String,
    /// Whether that was a frame in another site's page.
    pub framed: bool,
    /// The name that the passkey is bound to.
    pub name: String,
    /// Whether somebody was there, and whether it was the owner.
    pub flags: u8,
    /// How often it has signed.
    pub count: u32,
    /// The passkey.
    pub id: Vec<u8>,
    /// Its owner.
    pub owner: Vec<u8>,
}

/// What a page has a device asked.
pub fn asked(page: &Answer) -> Value {
    assert_eq!(page.status, 200, "{}", page.body);
    let (_, rest) = page.body.split_once("data-options=\"").expect(&page.body);
    serde_json::from_str(&rest.split('"').next().unwrap().replace("&quot;", "\"")).unwrap()
}

fn base64(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

impl Device {
    /// A new one; each `seed` has another key.
    pub fn new(seed: u8) -> Self {
        let key = SigningKey::from_slice(&[seed; 32]).unwrap();
        Self { key, id: vec![seed; 20], owner: Vec::new(), count: 0 }
    }

    /// The same, saying that it is somebody else's.
    pub fn owned_by(self, owner: &[u8]) -> Self {
        Self { owner: owner.to_vec(), ..self }
    }

    /// What an honest browser at `origin` has it say to `options`.
    pub fn says(&mut self, options: &Value, origin: &str) -> Said {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let making = options.get("user").is_some();
        if making {
            self.owner = BASE64_URL_SAFE_NO_PAD.decode(text(&options["user"]["id"])).unwrap();
        }
        self.count += 1;
        Said {
            kind: if making { "webauthn.create" } else { "webauthn.get" },
            challenge: text(&options["challenge"]),
            origin: origin.to_owned(),
            framed: false,
            name: text(if making { &options["rp"]["id"] } else { &options["rpId"] }),
            flags: PRESENT_AND_VERIFIED,
            count: self.count,
            id: self.id.clone(),
            owner: self.owner.clone(),
        }
    }

    /// The passkey it has made, as the browser sends it.
    pub fn made(&self, said: &Said) -> String {
        let point = self.key.verifying_key().to_sec1_point(false);
        let point = point.as_bytes();
        // COSE: EC2, ES256, P-256, x, y; in CBOR by hand, as it is always the same.
        let key = [
            &[0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20][..],
            &point[1..33],
            &[0x22, 0x58, 0x20],
            &point[33..65],
        ];
        let length = u8::try_from(said.id.len()).unwrap();
        let attested = [&[0; 16][..], &[0, length], &said.id, &key.concat()].concat();
        let data = [authenticator_data(said, 0b100_0000), attested].concat();
        let length = u8::try_from(data.len()).unwrap();
        let attestation =
            [&[0xa3, 0x63][..], b"fmt\x64none\x67attStmt\xa0\x68authData\x58", &[length], &data];
        json!({
            "id": base64(&said.id),
            "rawId": base64(&said.id),
            "type": "public-key",
            "response": {
                "attestationObject": base64(&attestation.concat()),
                "clientDataJSON": base64(&client_data(said)),
            },
        })
        .to_string()
    }

    /// Its signature, as the browser sends it.
    pub fn signed(&self, said: &Said) -> String {
        let (data, client) = (authenticator_data(said, 0), client_data(said));
        let message = [&data[..], &Sha256::digest(&client)].concat();
        let signature: Signature = self.key.sign(&message);
        json!({
            "id": base64(&said.id),
            "rawId": base64(&said.id),
            "type": "public-key",
            "response": {
                "authenticatorData": base64(&data),
                "clientDataJSON": base64(&client),
                "signature": base64(signature.to_der().as_bytes()),
                "userHandle": base64(&said.owner),
            },
        })
        .to_string()
    }
}

fn authenticator_data(said: &Said, more_flags: u8) -> Vec<u8> {
    let name = Sha256::digest(said.name.as_bytes());
    [&name[..], &[said.flags | more_flags], &said.count.to_be_bytes()].concat()
}

fn client_data(said: &Said) -> Vec<u8> {
    json!({
        "type": said.kind,
        "challenge": said.challenge,
        "origin": said.origin,
        "crossOrigin": said.framed,
    })
    .to_string()
    .into_bytes()
}
