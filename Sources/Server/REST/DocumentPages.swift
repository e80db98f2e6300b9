import Core
import Engine

extension Desk {
    /// A page of a view's documents, the newest first, and the cursor of the next one; nil when none follow.
    ///
    /// - Parameter query: Which documents; as many as the page holds.
    func documents(_ query: DocumentQuery, on page: Page) async throws -> ([Document], next: String?) {
        var query = query
        query.before = try page.position
        // One more than is shown tells whether more follow.
        query.limit = page.limit + 1
        let (views, wanted) = (services.views, query)
        var documents = try await blocking { try views.documents(wanted) }
        guard documents.count > page.limit else { return (documents, nil) }
        documents.removeLast(documents.count - page.limit)
        return (documents, documents.last.map { page.cursor(behind: String($0.position.number)) })
    }
}
