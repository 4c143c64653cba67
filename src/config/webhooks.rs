//! Who may send us events, and what they sign them with.
//!
//! One of whom something is missing is off and not a mistake: `doctor` says what is missing.

use crate::services::inbox::{Encoding, Scheme, Sender, Shape, standard_key};
use std::collections::HashMap;
use std::sync::Arc;

/// Names of senders that have a door of their own, or will.
const TAKEN: [&str; 3] = ["github", "resend", "stripe"];

/// GitHub, with these secrets.
pub fn github_sender(secrets: &[&str]) -> Arc<Sender> {
    let shape = Shape {
        signature: "x-hub-signature-256".to_owned(),
        prefix: "sha256=".to_owned(),
        encoding: Encoding::Hex,
        id: Some("x-github-delivery".to_owned()),
        kind: Some("x-github-event".to_owned()),
    };
    let keys = secrets.iter().map(|secret| secret.as_bytes().to_vec()).collect();
    Arc::new(Sender { name: "github".to_owned(), scheme: Scheme::Header(shape), keys })
}

/// Stripe, with these secrets. They are used as they are written, their prefix with them.
pub fn stripe_sender(secrets: &[&str]) -> Arc<Sender> {
    let keys = secrets.iter().map(|secret| secret.as_bytes().to_vec()).collect();
    Arc::new(Sender { name: "stripe".to_owned(), scheme: Scheme::Stripe, keys })
}

/// Those whom the environment names. What is wrong with one is said without its secret.
pub(super) fn read(
    values: &HashMap<String, String>,
    [github, resend, stripe]: [Option<&str>; 3],
    mistakes: &mut Vec<String>,
) -> (Vec<Arc<Sender>>, Vec<String>) {
    let (mut senders, mut incomplete) = (Vec::new(), Vec::new());
    senders.extend(github.map(|secrets| github_sender(&split(secrets))));
    senders.extend(stripe.map(|secrets| stripe_sender(&split(secrets))));
    if let Some(keys) = resend.and_then(|text| standard("RESEND_WEBHOOK_SECRET", text, mistakes)) {
        let (name, scheme) = ("resend".to_owned(), Scheme::Standard);
        senders.push(Arc::new(Sender { name, scheme, keys }));
    }
    let named = |key: &String| {
        let name = key.strip_prefix("WEBHOOK_")?.strip_suffix("_KIND")?.to_owned();
        Some(name).filter(|name| !name.is_empty())
    };
    let mut names: Vec<String> = values.keys().filter_map(named).collect();
    names.sort();
    for name in names {
        senders.extend(one(values, &name, (mistakes, &mut incomplete)).map(Arc::new));
    }
    (senders, incomplete)
}

/// `WEBHOOK_{NAME}_…`
fn one(
    values: &HashMap<String, String>,
    name: &str,
    (mistakes, incomplete): (&mut Vec<String>, &mut Vec<String>),
) -> Option<Sender> {
    let variable = |part: &str| format!("WEBHOOK_{name}_{part}");
    let value = |part: &str| {
        let value = values.get(&variable(part)).map(|value| value.trim());
        value.filter(|value| !value.is_empty()).map(str::to_owned)
    };
    let kind = value("KIND")?;
    let plain =
        name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    let called = name.to_lowercase().replace('_', "-");
    if !plain || TAKEN.contains(&called.as_str()) {
        mistakes.push(format!(
            "{}: take another name, of capital letters and digits",
            variable("KIND")
        ));
        return None;
    }
    let Some(secret) = value("SECRET") else {
        incomplete.push(format!("{} is not set", variable("SECRET")));
        return None;
    };
    let (scheme, keys) = match kind.as_str() {
        "standard" => (Scheme::Standard, standard(&variable("SECRET"), &secret, mistakes)?),
        "hmac" => {
            let encoding = value("ENCODING").unwrap_or("hex".to_owned());
            let Ok(encoding) = encoding.parse() else {
                mistakes.push(format!("{}: use hex or base64", variable("ENCODING")));
                return None;
            };
            let header = |part: &str| value(part).map(|name| name.to_lowercase());
            let Some(signature) = header("HEADER") else {
                incomplete.push(format!("{} is not set", variable("HEADER")));
                return None;
            };
            let (id, kind) = (header("ID_HEADER"), header("TYPE_HEADER"));
            let prefix = value("PREFIX").unwrap_or_default();
            let shape = Shape { signature, prefix, encoding, id, kind };
            let keys = split(&secret).into_iter().map(|secret| secret.as_bytes().to_vec());
            (Scheme::Header(shape), keys.collect())
        }
        _ => {
            mistakes.push(format!("{}: use standard or hmac", variable("KIND")));
            return None;
        }
    };
    Some(Sender { name: called, scheme, keys })
}

fn standard(variable: &str, secrets: &str, mistakes: &mut Vec<String>) -> Option<Vec<Vec<u8>>> {
    let keys: Option<Vec<_>> = split(secrets).into_iter().map(standard_key).collect();
    if keys.is_none() {
        mistakes.push(format!("{variable}: this is no secret of Standard Webhooks, whsec_…"));
    }
    keys
}

fn split(secrets: &str) -> Vec<&str> {
    secrets.split(',').map(str::trim).filter(|secret| !secret.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
        let values = pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let mut mistakes = Vec::new();
        let (found, incomplete) = read(&values, [None; 3], &mut mistakes);
        mistakes.extend(incomplete);
        (found.iter().map(|sender| sender.name.clone()).collect(), mistakes)
    }

    #[test]
    fn senders_have_the_names_of_their_variables_and_mistakes_tell_no_secret() {
        let key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let good = [
            ("WEBHOOK_OUR_CMS_KIND", "standard"),
            ("WEBHOOK_OUR_CMS_SECRET", key),
            ("WEBHOOK_SHOP_KIND", "hmac"),
            ("WEBHOOK_SHOP_SECRET", "one, two"),
            ("WEBHOOK_SHOP_HEADER", "X-Shop-Hmac"),
            ("WEBHOOK_URL", "of another program"),
        ];
        assert_eq!(of(&good), (vec!["our-cms".to_owned(), "shop".to_owned()], vec![]));
        for wrong in [
            &[("WEBHOOK_A_KIND", "standard")][..],
            &[("WEBHOOK_A_KIND", "standard"), ("WEBHOOK_A_SECRET", "hush-hush")],
            &[("WEBHOOK_A_KIND", "md5"), ("WEBHOOK_A_SECRET", "hush-hush")],
            &[("WEBHOOK_A_KIND", "hmac"), ("WEBHOOK_A_SECRET", "hush-hush")],
            &[
                ("WEBHOOK_A_KIND", "hmac"),
                ("WEBHOOK_A_SECRET", "hush-hush"),
                ("WEBHOOK_A_HEADER", "x-a"),
                ("WEBHOOK_A_ENCODING", "rot13"),
            ],
            &[("WEBHOOK_GITHUB_KIND", "standard"), ("WEBHOOK_GITHUB_SECRET", key)],
            &[("WEBHOOK_a/b_KIND", "standard"), ("WEBHOOK_a/b_SECRET", key)],
        ] {
            let (found, mistakes) = of(wrong);
            assert_eq!((found.len(), mistakes.len()), (0, 1), "{wrong:?}");
            assert!(!mistakes[0].contains("hush"), "{mistakes:?}");
        }
    }
}
