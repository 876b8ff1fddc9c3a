//! Client ids for orders that came without one.

use allin_core::text::ClientId;

use super::super::random_text::random_text;

/// 22 letters and digits at random.
pub(super) fn generate() -> ClientId {
    const LENGTH: usize = 22;
    ClientId::new(&random_text(LENGTH)).expect("22 bytes fit")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_well_formed_and_differ() {
        let ids: std::collections::HashSet<String> = (0..1000).map(|_| generate().to_string()).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| id.len() == 22 && allin_core::text::is_client_id(id)));
    }
}
