//! What was typed into a form and what was wrong with it.

use std::collections::BTreeMap;

/// What was typed, what was wrong with it, and the submission it belongs to. Empty on a first visit.
///
/// An error under the empty name is about the form as a whole.
#[derive(Debug, Default, Clone)]
pub struct FormState {
    typed: Vec<(String, String)>,
    errors: BTreeMap<String, Vec<String>>,
    submission: Option<String>,
}

impl FormState {
    /// The `typed` pairs in the order they were sent, and for each wrong field its messages, whole
    /// sentences ready to be shown.
    pub fn new(typed: Vec<(String, String)>, errors: BTreeMap<String, Vec<String>>) -> Self {
        Self { typed, errors, submission: None }
    }

    /// Puts an id into the form, by which a second submission of it is recognised.
    pub fn with_submission(self, id: impl Into<String>) -> Self {
        Self { submission: Some(id.into()), ..self }
    }

    /// What was typed into the field `name`; `None` if the form was not sent or had no such field.
    pub fn typed(&self, name: &str) -> Option<&str> {
        self.typed.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// What is wrong with the field `name`.
    pub fn errors(&self, name: &str) -> &[String] {
        self.errors.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether anything is wrong.
    pub fn has_errors(&self) -> bool {
        self.errors.values().any(|messages| !messages.is_empty())
    }

    /// Everything that was typed, in the order it was sent.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.typed
    }

    /// The id of this submission.
    pub fn submission(&self) -> Option<&str> {
        self.submission.as_deref()
    }

    /// An empty form of the same rendering, for a page with several: what is wrong is said once, above all of them.
    #[must_use]
    pub fn silent(&self) -> Self {
        Self { submission: self.submission.clone(), ..Self::default() }
    }

    /// Every message with its field: first the form's own, then in the order the fields were sent,
    /// which is the order they have on the page.
    pub(crate) fn all_errors(&self) -> Vec<(&str, &str)> {
        let place = |name: &str| {
            let sent = self.typed.iter().position(|(key, _)| key == name);
            (!name.is_empty(), sent.unwrap_or(usize::MAX))
        };
        let mut errors: Vec<_> = self
            .errors
            .iter()
            .flat_map(|(name, messages)| {
                messages.iter().map(|message| (name.as_str(), message.as_str()))
            })
            .collect();
        errors.sort_by_key(|(name, _)| place(name));
        errors
    }
}
