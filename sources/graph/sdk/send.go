package sdk

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go/groups"
	"github.com/microsoftgraph/msgraph-sdk-go/serviceprincipals"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/idpbridge/idpbridge/sources/graph"
)

// send picks the builder for an operation. The builders are made by their …Internal
// constructors: the others take a whole URL and would send exactly that.
func (c *Client) send(ctx context.Context, r graph.Request, o []abstractions.RequestOption) error {
	switch r.Op {
	case graph.OpUsersDelta, graph.OpGroupsDelta:
		return c.delta(ctx, r, o)
	case graph.OpAssignments:
		return c.assignments(ctx, r, o)
	case graph.OpUser, graph.OpUsers, graph.OpMemberOf:
		return c.users(ctx, r, o)
	case graph.OpGroup, graph.OpGroups, graph.OpMembers:
		return c.groups(ctx, r, o)
	case graph.OpDeletedUsers:
		return c.deletedUsers(ctx, r, o)
	default:
		return fmt.Errorf("operation %d is unknown", r.Op)
	}
}

func (c *Client) delta(ctx context.Context, r graph.Request, o []abstractions.RequestOption) error {
	link := r.Link
	if r.Latest {
		// The builders have no parameter for "from now on".
		link = c.base + strings.TrimPrefix(r.Op.String(), "GET ") + "?$deltatoken=latest&$select=" + url.QueryEscape(strings.Join(r.Select, ","))
	}
	var err error
	if r.Op == graph.OpGroupsDelta {
		b, cfg := c.groupsRoot().Delta(), &groups.DeltaRequestBuilderGetRequestConfiguration{Options: o}
		if link != "" {
			b = groups.NewDeltaRequestBuilder(link, c.adapter)
		} else {
			cfg.QueryParameters = &groups.DeltaRequestBuilderGetQueryParameters{Select: r.Select}
		}
		_, err = b.GetAsDeltaGetResponse(ctx, cfg)
		return err
	}
	b, cfg := c.usersRoot().Delta(), &users.DeltaRequestBuilderGetRequestConfiguration{Options: o}
	if link != "" {
		b = users.NewDeltaRequestBuilder(link, c.adapter)
	} else {
		cfg.QueryParameters = &users.DeltaRequestBuilderGetQueryParameters{Select: r.Select}
	}
	_, err = b.GetAsDeltaGetResponse(ctx, cfg)
	return err
}

func (c *Client) assignments(ctx context.Context, r graph.Request, o []abstractions.RequestOption) error {
	b := serviceprincipals.NewServicePrincipalsRequestBuilderInternal(map[string]string{}, c.adapter).
		ByServicePrincipalId(r.ID).AppRoleAssignedTo()
	cfg := &serviceprincipals.ItemAppRoleAssignedToRequestBuilderGetRequestConfiguration{
		Options:         o,
		QueryParameters: &serviceprincipals.ItemAppRoleAssignedToRequestBuilderGetQueryParameters{Top: top(r)},
	}
	if r.Link != "" {
		b, cfg.QueryParameters = b.WithUrl(r.Link), nil
	}
	_, err := b.Get(ctx, cfg)
	return err
}

func (c *Client) users(ctx context.Context, r graph.Request, o []abstractions.RequestOption) error {
	var err error
	switch r.Op {
	case graph.OpUser:
		_, err = c.usersRoot().ByUserId(r.ID).Get(ctx, &users.UserItemRequestBuilderGetRequestConfiguration{
			Options:         o,
			QueryParameters: &users.UserItemRequestBuilderGetQueryParameters{Select: r.Select, Expand: expand(r)},
		})
	case graph.OpMemberOf:
		b, cfg := c.usersRoot().ByUserId(r.ID).MemberOf(), &users.ItemMemberOfRequestBuilderGetRequestConfiguration{
			Options:         o,
			QueryParameters: &users.ItemMemberOfRequestBuilderGetQueryParameters{Select: r.Select, Top: top(r)},
		}
		if r.Link != "" {
			b, cfg.QueryParameters = b.WithUrl(r.Link), nil
		}
		_, err = b.Get(ctx, cfg)
	default:
		b, cfg := c.usersRoot(), &users.UsersRequestBuilderGetRequestConfiguration{
			Options:         o,
			QueryParameters: &users.UsersRequestBuilderGetQueryParameters{Select: r.Select, Filter: filter(r), Expand: expand(r), Top: top(r)},
		}
		if r.Link != "" {
			b, cfg.QueryParameters = b.WithUrl(r.Link), nil
		}
		_, err = b.Get(ctx, cfg)
	}
	return err
}

func (c *Client) groups(ctx context.Context, r graph.Request, o []abstractions.RequestOption) error {
	var err error
	switch r.Op {
	case graph.OpGroup:
		_, err = c.groupsRoot().ByGroupId(r.ID).Get(ctx, &groups.GroupItemRequestBuilderGetRequestConfiguration{
			Options:         o,
			QueryParameters: &groups.GroupItemRequestBuilderGetQueryParameters{Select: r.Select},
		})
	case graph.OpMembers:
		b, cfg := c.groupsRoot().ByGroupId(r.ID).Members(), &groups.ItemMembersRequestBuilderGetRequestConfiguration{
			Options:         o,
			QueryParameters: &groups.ItemMembersRequestBuilderGetQueryParameters{Select: r.Select, Top: top(r)},
		}
		if r.Link != "" {
			b, cfg.QueryParameters = b.WithUrl(r.Link), nil
		}
		_, err = b.Get(ctx, cfg)
	default:
		b, cfg := c.groupsRoot(), &groups.GroupsRequestBuilderGetRequestConfiguration{
			Options:         o,
			QueryParameters: &groups.GroupsRequestBuilderGetQueryParameters{Select: r.Select, Filter: filter(r), Top: top(r)},
		}
		if r.Link != "" {
			b, cfg.QueryParameters = b.WithUrl(r.Link), nil
		}
		_, err = b.Get(ctx, cfg)
	}
	return err
}

// deletedParameters are the query of deletedUsers, in the form the SDK expands.
type deletedParameters struct {
	Select []string `uriparametername:"%24select"`
	Filter *string  `uriparametername:"%24filter"`
	Count  *bool    `uriparametername:"%24count"`
}

// deletedUsers asks the recycle bin through the adapter alone: the builder for it would
// bring the whole directory package into the program for one URL.
func (c *Client) deletedUsers(ctx context.Context, r graph.Request, o []abstractions.RequestOption) error {
	info := abstractions.NewRequestInformationWithMethodAndUrlTemplateAndPathParameters(abstractions.GET,
		"{+baseurl}/directory/deletedItems/microsoft.graph.user{?%24count,%24filter,%24select}", map[string]string{})
	if r.Link != "" {
		link, err := url.Parse(r.Link)
		if err != nil {
			return fmt.Errorf("parse link: %w", err)
		}
		info.SetUri(*link)
	} else {
		parameters := deletedParameters{Select: r.Select, Filter: filter(r)}
		if r.Advanced {
			parameters.Count = new(true)
		}
		info.AddQueryParameters(parameters)
	}
	info.Headers.Add("Accept", "application/json")
	if r.Advanced {
		info.Headers.Add("ConsistencyLevel", "eventual")
	}
	info.AddRequestOptions(o)
	_, err := c.adapter.Send(ctx, info, nil, nil)
	return err
}

func (c *Client) usersRoot() *users.UsersRequestBuilder {
	return users.NewUsersRequestBuilderInternal(map[string]string{}, c.adapter)
}

func (c *Client) groupsRoot() *groups.GroupsRequestBuilder {
	return groups.NewGroupsRequestBuilderInternal(map[string]string{}, c.adapter)
}

// The builders tell "not sent" by nil.

func top(r graph.Request) *int32 {
	if r.Top == 0 {
		return nil
	}
	return new(int32(min(r.Top, 999))) //nolint:gosec // bounded just now
}

func filter(r graph.Request) *string {
	if r.Filter == "" {
		return nil
	}
	return &r.Filter
}

func expand(r graph.Request) []string {
	if r.Expand == "" {
		return nil
	}
	return []string{r.Expand}
}
