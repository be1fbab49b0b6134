//! The suite of the typed stores on the wasm target: in Node and in a browser.

#![cfg(target_arch = "wasm32")]

mod sql_in_memory {
    use sigil_store_tests::subject::sql_in_memory;

    sigil_store_tests::every_rule!(wasm_bindgen_test::wasm_bindgen_test, super::sql_in_memory());
    sigil_store_tests::every_sql_rule!(
        wasm_bindgen_test::wasm_bindgen_test,
        super::sql_in_memory()
    );
}

mod registered_twin {
    use sigil_store_tests::subject::Registered;

    sigil_store_tests::every_rule!(
        wasm_bindgen_test::wasm_bindgen_test,
        super::Registered::default()
    );
}
