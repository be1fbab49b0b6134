//! The rules that every backend keeps, one function each, whose name is the rule.
//!
//! A rule takes a fresh [`Subject`](crate::subject::Subject), and fails or panics when it is
//! broken. [`every_rule!`](crate::every_rule) makes a test of each.

mod fixture;

/// Declares rules by the modules they are in, and a macro that makes a test of each.
macro_rules! suite {
    ($d:tt $tests:ident, $doc:literal: $($about:ident { $($rule:ident,)* })*) => {
        $(
            #[expect(missing_docs, reason = "the name of a function is the rule it tries")]
            pub mod $about;
        )*

        #[doc = $doc]
        ///
        /// Takes the attribute that makes a test of a function, and an expression that gives a
        /// fresh subject.
        #[macro_export]
        macro_rules! $tests {
            ($d test:meta, $d subject:expr) => {
                $(mod $about {
                    $(
                        #[$d test]
                        fn $rule() {
                            let subject = $d subject;
                            if let Err(error) = $d crate::suite::$about::$rule(&subject) {
                                panic!("{error}");
                            }
                        }
                    )*
                })*
            };
        }
    };
}

suite! { $ every_rule, "Makes a test of each rule that every backend keeps on every target.":
    session {
        a_session_reads_back_as_it_was_created,
        all_budget_numbers_persist_through_create_update_and_list,
        an_update_replaces_everything_but_id_and_creation,
        an_update_is_stamped_by_the_host_whatever_the_caller_says,
        what_is_not_there_is_not_found,
        a_taken_id_is_a_conflict_and_changes_nothing,
        a_session_of_another_workspace_is_refused,
        the_list_is_newest_first_and_can_be_filtered,
        the_list_has_a_hundred_by_default,
        deleting_a_session_takes_its_transcript,
        the_window_is_the_newest_messages_oldest_first,
        ties_in_the_window_are_in_the_order_of_storing,
        the_argument_says_whose_message_it_is,
        appending_leaves_the_session_as_it_is,
        a_message_to_no_session_is_not_found,
        a_message_id_is_taken_across_sessions,
        every_field_of_a_message_reads_back,
        every_state_of_a_threat_reads_back,
        history_is_paged_oldest_first,
        archiving_changes_the_status_alone,
        sessions_and_transcripts_survive_reopening,
    }
    message {
        a_message_reads_back_as_it_was_appended,
        a_taken_id_is_a_conflict,
        a_batch_is_stored_wholly_or_not_at_all,
        search_finds_words_in_a_row_and_nothing_else,
        search_takes_no_text_for_an_operator,
        search_ignores_case_accents_and_punctuation,
        search_without_words_finds_nothing,
        search_is_newest_first_and_fifty_by_default,
        search_follows_deletions_and_sees_the_transaction,
        search_finds_what_takes_the_place_of_deleted_messages,
        search_works_after_reopening,
        a_range_leaves_its_end_out,
        an_open_range_has_every_message,
        the_oldest_come_oldest_first,
        asking_for_no_oldest_is_refused,
        deleting_counts_what_was_there,
        a_thousand_ids_are_deleted_at_once,
        trimming_keeps_the_newest,
        messages_and_transcripts_are_apart,
    }
    summary {
        a_summary_reads_back_as_it_was_stored,
        a_taken_id_is_a_conflict,
        a_pending_summary_is_hidden_until_confirmed,
        confirming_twice_is_a_conflict,
        confirming_what_is_not_there_is_not_found,
        deleting_says_whether_it_was_there,
        a_range_holds_what_lies_wholly_in_it,
        the_latest_come_newest_first,
        pending_ones_are_listed_oldest_first,
        a_sweep_takes_old_pending_summaries_with_what_belongs_to_them,
        summaries_survive_reopening,
    }
    knowledge {
        an_entity_reads_back_as_it_was_put,
        putting_an_entity_again_replaces_all_of_it,
        entities_are_found_by_type_and_by_the_beginning_of_their_name,
        the_beginning_of_a_name_is_taken_literally,
        entities_are_listed_oldest_first_a_hundred_by_default,
        a_relationship_needs_the_entity_it_goes_out_from,
        relationships_are_found_by_direction_and_type,
        a_relationship_replaces_the_one_with_the_same_ends_and_type,
        a_relationship_id_belongs_to_one,
        deleting_an_entity_takes_its_relationships_and_leaves_facts,
        a_fact_replaces_the_one_with_the_same_triple,
        a_fact_id_belongs_to_one,
        facts_are_found_newest_first,
        a_batch_of_facts_is_stored_wholly_or_not_at_all,
        facts_are_deleted_by_source_also_beside_entities,
        facts_are_deleted_by_id,
        facts_may_have_any_predicate,
        traversal_reaches_as_far_as_asked,
        traversal_is_capped,
        traversal_follows_edges_both_ways_and_ends_in_cycles,
        traversal_walks_wanted_types_and_shows_all_edges,
        facts_are_no_edges,
        traversal_from_nowhere_is_not_found,
        knowledge_survives_reopening,
    }
    vector {
        the_nearest_come_first_with_their_distances,
        storing_again_replaces_vector_and_metadata,
        deleting_takes_what_is_there,
        filters_look_at_metadata,
        ties_are_in_the_order_of_ids,
        k_is_any_number,
        wrong_dimensions_are_refused,
        numbers_that_are_not_finite_are_refused,
        a_batch_is_stored_wholly_or_not_at_all,
        a_search_in_a_transaction_sees_what_is_committed,
        other_dimensions_or_metric_are_a_conflict_on_reopening,
        vectors_survive_reopening,
    }
    user {
        a_user_reads_back_with_sorted_identities,
        a_user_is_found_by_identity,
        a_taken_id_or_identity_is_a_conflict_and_changes_nothing,
        an_update_replaces_all_identities,
        an_update_keeps_creation_and_takes_the_callers_time,
        what_is_not_there_is_not_found,
        users_are_listed_oldest_first,
        deleting_a_user_takes_identities_and_pairings,
        forgetting_a_user_leaves_an_audit_entry,
        users_survive_reopening,
    }
    pairing {
        a_pairing_reads_back_as_it_was_created,
        the_first_pairing_of_a_channel_stays,
        an_empty_id_is_made_up,
        an_unknown_user_is_not_found,
        a_taken_id_is_a_conflict,
        pairings_of_a_user_are_oldest_first,
        a_status_can_be_set,
        deleting_frees_the_channel,
    }
    audit {
        an_entry_reads_back_as_it_was_appended,
        a_taken_id_is_a_conflict,
        every_field_of_the_query_filters,
        a_range_leaves_its_end_out,
        entries_are_oldest_first_and_a_thousand_by_default,
        times_within_one_second_sort_as_they_are,
        the_order_stays_after_a_refused_entry,
        audit_entries_survive_reopening,
    }
    workspace {
        workspaces_do_not_see_each_other,
        a_transaction_commits_every_store_together,
        a_failed_transaction_leaves_every_store_as_it_was,
        an_error_caught_in_a_transaction_leaves_the_earlier_writes,
        a_failed_batch_in_a_transaction_leaves_nothing_of_itself,
        a_transaction_in_a_transaction_is_busy,
        a_gateway_commits_its_stores_together,
        a_transaction_reads_its_own_writes,
        closing_in_a_transaction_rolls_it_back,
        cursors_walk_every_list_once_over_ties,
        a_cursor_stays_good_while_records_come_and_go,
        new_records_have_new_ids_and_the_hosts_time,
    }
    compact {
        a_pass_leaves_a_summary_a_vector_and_facts,
        too_few_messages_are_left_alone,
        a_batch_of_none_is_refused,
        each_pass_takes_the_oldest_batch,
        messages_appended_meanwhile_stay,
        a_failing_callback_changes_nothing,
        a_wrong_vector_changes_nothing,
        a_batch_that_changed_is_a_conflict_and_changes_nothing,
        two_passes_of_one_batch_make_one_summary,
        facts_are_made_whole_before_they_are_stored,
        a_hundred_facts_at_most,
        vectors_of_the_messages_go_with_them,
        compacting_in_a_transaction_is_busy,
    }
    forget {
        a_session_is_forgotten_with_all_that_came_of_it,
        a_user_is_forgotten_with_all_sessions,
        a_workspace_is_forgotten_wholly_and_goes_on,
        forgetting_what_is_not_there,
        forgetting_nobody_is_refused,
        forgetting_in_a_transaction_is_busy,
    }
    bad_input {
        ids_are_neither_empty_nor_long_nor_hold_nul,
        unknown_ids_are_nothing_special,
        workspace_ids_are_any_text,
        long_contents_are_refused_by_name,
        nul_in_texts_is_kept,
        budgets_are_not_broken,
        threats_do_not_contradict_themselves,
        messages_say_something_and_tools_are_named_whole,
        summaries_do_not_end_before_they_begin,
        numbers_that_are_not_finite_are_refused,
        names_of_no_value_are_refused,
        texts_that_are_no_time_are_refused,
        limits_and_offsets_are_any_number,
        too_much_metadata_is_refused,
        a_closed_handle_says_so,
        closing_twice_is_closing_once,
    }
}

#[cfg(not(target_arch = "wasm32"))]
suite! { $ every_native_rule, "Makes a test of each rule that needs threads, or panics that are caught.":
    threads {
        a_panic_in_a_transaction_rolls_it_back,
        a_panic_in_a_callback_of_compaction_changes_nothing,
        ten_threads_append_to_one_audit_log,
        a_transaction_keeps_other_threads_out,
    }
}

suite! { $ every_sql_rule, "Makes a test of each rule that only a backend on SQL can break.":
    stored_rows {
        malformed_json_is_corrupt_and_names_the_table,
        a_time_that_is_none_is_corrupt,
        a_name_that_is_no_value_is_corrupt,
        one_broken_row_leaves_the_others_readable,
        a_newer_version_is_refused,
        another_workspace_in_the_file_is_a_conflict,
        a_transaction_left_open_is_rolled_back,
        what_cannot_be_looked_up_is_not_taken_for_missing,
    }
}
