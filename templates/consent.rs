//! Words that people are shown at a form and agree to by sending it, each with a version. What somebody has agreed to has to
//! be told later: the words are kept beside what they gave us, so other words have to have another version.

/// The words of a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Consent {
    /// The name of these very words, for good.
    pub version: &'static str,
    /// Which form shows them.
    pub form: &'static str,
    /// What they say.
    pub words: &'static str,
}

/// What becomes of what is typed into the contact form.
pub const CONTACT: Consent = Consent {
    version: "contact-2026-11",
    form: "contact",
    words: "We keep what you write, and how you found this page, to answer you and for nothing else. We delete it when you ask us to.",
};

/// What becomes of an address in one of the newsletter's forms.
pub const NEWSLETTER: Consent = Consent {
    version: "form-2026-11",
    form: "newsletter",
    words: "We keep your address to write to you, and for nothing else. Each mail says how to leave.",
};

/// All of them.
pub const ALL: [Consent; 2] = [CONTACT, NEWSLETTER];

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    #[test]
    fn other_words_have_another_version() {
        // A line for every version there ever was: added to, and never changed.
        let known = [("contact-2026-11", "f42e1bf973cc5e43"), ("form-2026-11", "9f77dcb8a5301560")];
        for Consent { version, words, .. } in ALL {
            let digest = Sha256::digest(words);
            let start: String = digest[..8].iter().map(|byte| format!("{byte:02x}")).collect();
            assert!(known.contains(&(version, start.as_str())), "{version} does not say {start}");
        }
    }
}
