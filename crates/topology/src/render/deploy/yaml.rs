//! Values as YAML that older readers take for the same values.

use serde_json::Value;

use super::MARK;

/// Documents below the generated file's first line. Keys are in the order of the alphabet, whatever holds them.
pub(super) fn documents<'a>(documents: impl IntoIterator<Item = &'a Value>) -> String {
    let mut text = format!("{MARK}\n");
    for document in documents {
        let mut document = document.clone();
        document.sort_all_objects();
        // Readers of YAML 1.1 take a plain `on` or `0640` for something else; the serializer quotes what they would.
        let options = serde_saphyr::ser_options! { compact_list_indent: true, folded_wrap_chars: 100_000 };
        let body = serde_saphyr::to_string_with_options(&document, options).expect("a tree of plain values is YAML");
        text.push_str("---\n");
        text.push_str(&body);
    }
    text
}
