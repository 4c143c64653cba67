//! Texts with a head: `key: value` lines between two lines of hyphens, then the text itself.

/// A text taken apart.
pub struct Document<'a> {
    head: Vec<(&'a str, &'a str)>,
    /// What comes after the head.
    pub body: &'a str,
}

impl<'a> Document<'a> {
    /// Takes it apart; none where it has no head.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (head, body) = text.strip_prefix("---\n")?.split_once("\n---\n")?;
        let head = head.lines().filter_map(|line| line.split_once(": ")).collect();
        Some(Self { head, body: body.trim() })
    }

    /// What the head says of `key`.
    pub fn get(&self, key: &str) -> Option<&'a str> {
        let found = self.head.iter().find(|(name, _)| name.trim() == key);
        found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }
}

/// A text with a head, as [`Document::parse`] reads it. What has no value is left out.
pub fn compose(head: &[(&str, &str)], body: &str) -> String {
    let lines = head.iter().filter(|(_, value)| !value.is_empty());
    let lines: String = lines.map(|(key, value)| format!("{key}: {value}\n")).collect();
    format!("---\n{lines}---\n{body}\n")
}
